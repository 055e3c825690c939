/** State machines of your own: what to make them do, and how to see whether they are right. */

export type { Check } from "./check.ts";
export { type FaultProfile, faults } from "./faults.ts";
export {
  constant,
  type Generator,
  integer,
  oneOf,
  pick,
  type RandomSource,
  record,
  weighted,
} from "./generate.ts";
export type { Breach } from "./laws/breach.ts";
export { type LawName, LawViolation } from "./laws/breach.ts";
export { checkLaws, type LawOptions, type LawReport } from "./laws/check-laws.ts";
export type { Step } from "./laws/steps.ts";
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
export type { AnySystem, RecordOptions } from "./run-scenario.ts";
export type { ScenarioTest } from "./runners/scenario-test.ts";
export type { SimTest } from "./runners/sim-test.ts";
export type {
  Action,
  ChangeAction,
  ClusterPlan,
  CrashAction,
  DiskPlan,
  ExpectAction,
  MemberNumber,
  MemberPlan,
  NetworkPlan,
  OldBackupAction,
  OperationAction,
} from "./scenario.ts";
export { parseScenario, type Scenario } from "./scenario.ts";
export { ScenarioFailure, type ScriptOptions, scenario } from "./script/scenario.ts";
export type {
  ActiveFault,
  FaultOptions,
  Script,
  ScriptAction,
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
export type { Micros } from "./simulation/chance/schedule.ts";
export type { Attended, Input, SimClient, SimSystem } from "./simulation/run/sim-system.ts";
export type { Failure, RunResult } from "./simulation/run/simulation.ts";
export type { Chain, ChainBase, ChainLog } from "./simulation/seen/chain-log.ts";
export type { MemberPicture, MembershipSince, Picture } from "./simulation/seen/picture.ts";
export type { Reference } from "./simulation/seen/reference.ts";
export type {
  Ending,
  MemberEvent,
  OperationEvent,
  RecoveredState,
  SimEvent,
  SimEventKind,
  StopKind,
} from "./simulation/seen/sim-event.ts";
export type { Probes } from "./simulation/world/probes.ts";
export type { StorageSuiteHost, StorageWorld } from "./suites/storage.ts";
/** Contracts as suites: run them on your own storage or transport, in your own test runner. */
export { storageSuite } from "./suites/storage.ts";
export type { SuiteHooks, TransportNetwork } from "./suites/transport.ts";
export { transportSuite } from "./suites/transport.ts";
export type { Written } from "./written.ts";
