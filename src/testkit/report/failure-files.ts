import type { Recording } from "../recording.ts";
import type { Scenario } from "../scenario.ts";
import { renderReport } from "./render-report.ts";

/** Where a failure of this seed or this name is kept, beside the tests. */
export function failureFolder(of: number | string): string {
  return `sim-failures/${of}`;
}

/**
 * A failure as files of a folder: the scenario as small as it could be made, the one that was found, and the picture of
 * the small one.
 */
export function failureFiles(
  { scenario, original }: { readonly scenario: Scenario; readonly original: Scenario },
  recording: Recording,
): ReadonlyMap<string, string> {
  return new Map([
    ["scenario.json", scenarioText(scenario)],
    ["original.json", scenarioText(original)],
    ["report.html", renderReport(recording)],
  ]);
}

export function scenarioText(scenario: Scenario): string {
  return `${JSON.stringify(scenario, null, 2)}\n`;
}
