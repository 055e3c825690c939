/** State machines of your own: what to make them do, and how to see whether they are right. */

export { type FaultProfile, faults } from "./faults.ts";
export { constant, type Dice, type Generator, integer, oneOf, pick, record, weighted } from "./generate.ts";
export { type LawName, LawViolation } from "./laws/breach.ts";
export { checkLaws, type LawOptions, type LawReport } from "./laws/check-laws.ts";
export {
  checkModel,
  type ModelOptions,
  type ModelReport,
  ModelViolation,
  modelOf,
  type Spec,
  type SpecInput,
} from "./model.ts";
export type {
  RecordedEvent,
  RecordedKind,
  RecordedOperation,
  RecordedState,
  RecordedViolation,
  Recording,
} from "./recording.ts";
export { renderReport } from "./report/render-report.ts";
export { parseScenario, type Scenario } from "./scenario.ts";
export { ScenarioFailure, type ScriptOptions, scenario } from "./script/scenario.ts";
export type {
  Deed,
  Lasting,
  LastingOptions,
  Script,
  ScriptCall,
  ScriptCallOptions,
  ScriptMember,
} from "./script/script.ts";
export {
  assertSimulation,
  describeReport,
  type MachineOptions,
  replay,
  type SimFailure,
  type SimReport,
  type SimulateOptions,
  simulate,
  type Verdict,
} from "./simulate.ts";
/** Contracts as suites: run them on your own storage or transport, in your own test runner. */
export { storageSuite } from "./suites/storage.ts";
export { transportSuite } from "./suites/transport.ts";
