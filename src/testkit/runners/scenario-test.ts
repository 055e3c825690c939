import { failureFolder, scenarioText } from "../report/failure-files.ts";
import { renderReport } from "../report/render-report.ts";
import { ScenarioFailure, type ScriptOptions, scenario } from "../script/scenario.ts";
import type { Script } from "../script/script.ts";
import type { Keep, TakeTest } from "./sim-test.ts";

/**
 * A scripted run as one test of a framework: see `scenario`. What fails is kept in `sim-failures/`, under the name of the
 * test, as `scenario.json` and `report.html`.
 */
export type ScenarioTest = <State, Command, Result, Query = void, Answer = unknown>(
  name: string,
  options: ScriptOptions<State, Command, Result, Query, Answer>,
  script: (s: Script<Command, Result, Query, Answer>) => void,
) => void;

/** A script takes milliseconds; one that waits in vain, seconds. */
const TIMEOUT_MS = 60_000;

/** Makes the `scenarioTest` of a framework. */
export function scenarioTestOf(take: TakeTest, keep: Keep): ScenarioTest {
  return (name, options, script) => {
    const run = (): void => {
      try {
        scenario(name, options, script);
      } catch (error) {
        throw error instanceof ScenarioFailure ? kept(name, error, keep) : error;
      }
    };
    take(name, run, TIMEOUT_MS);
  };
}

function kept(name: string, error: ScenarioFailure, keep: Keep): ScenarioFailure {
  const folder = failureFolder(folderName(name));
  const files = new Map([
    ["scenario.json", scenarioText(error.scenario)],
    ["report.html", renderReport(error.recording)],
  ]);
  keep(folder, files);
  error.message += `\nas data: ${folder}/scenario.json\nas a picture: ${folder}/report.html`;
  return error;
}

/** Words of letters and digits, which any file system takes. */
function folderName(name: string): string {
  const words = name.toLowerCase().match(/[a-z0-9]+/g) ?? ["scenario"];
  return words.join("-").slice(0, 80);
}
