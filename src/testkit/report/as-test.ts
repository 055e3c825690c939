import type { Scenario } from "../scenario.ts";

/** A test of vitest, as text, that runs a scenario again; with the machine that a module exports, where one is named. */
export function asTest(
  scenario: Scenario,
  { title, module }: { readonly title: string; readonly module: string | undefined },
): string {
  const isNamed = module !== undefined;
  return [
    'import { parseScenario, replay } from "quorate/testkit";',
    'import { expect, test } from "vitest";',
    ...(isNamed ? [`import options from ${JSON.stringify(specifierOf(module))};`] : []),
    "",
    `const scenario = parseScenario(JSON.stringify(${JSON.stringify(scenario, null, 2)}));`,
    "",
    `test(${JSON.stringify(title)}, () => {`,
    `  const { result } = replay(scenario${isNamed ? ", options" : ""});`,
    "  expect(result.failure).toBeUndefined();",
    "});",
    "",
  ].join("\n");
}

/** A path as a module is named by: without a dot or a slash it would be a package. */
function specifierOf(path: string): string {
  return /^\.{0,2}\//.test(path) ? path : `./${path}`;
}
