import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { UsageError } from "../../src/cli/command.ts";
import { sim } from "../../src/cli/sim.ts";
import { planSeed } from "../../src/testkit/run-scenario.ts";
import { parseScenario } from "../../src/testkit/scenario.ts";
import { replay } from "../../src/testkit/simulate.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-sim-"));
const scenario = join(directory, "scenario.json");
const module = join(directory, "broken.mjs");

afterAll(() => rmSync(directory, { recursive: true }));

writeFileSync(scenario, JSON.stringify(planSeed(3, { mode: "core" })));
// It keeps nothing of what it is given back.
writeFileSync(
  module,
  `class Sum {
    #sum = 0;
    apply(batch) { return batch.map(({ command }) => (this.#sum += command)); }
    query() { return this.#sum; }
    snapshot() { return [new TextEncoder().encode(String(this.#sum))]; }
    restore() { this.#sum = 0; }
  }
  export default { machine: () => new Sum(), commands: (dice) => dice.between(1, 9) };`,
);

async function run(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  let text = "";
  const code = await sim.run(args, (more) => {
    text += more;
  });
  return { code, text };
}

test("sim and each of its verbs explain themselves", () => {
  expect(sim.helpFor!([])).toContain("sim run [MODULE]");
  for (const verb of ["run", "replay", "explain", "shrink", "view", "totest"]) {
    expect(sim.helpFor!([verb, "--help"])).toMatch(new RegExp(`^Usage: quorate sim ${verb} `));
  }
});

test("sim run names what it never met", async () => {
  const { text } = await run("run", "--mode", "core", "--seeds", "1", "--faults", "none");
  expect(text).toContain("never met: append rejected, leader changed");
});

test("sim run passes, and says how much it has seen", async () => {
  const { code, text } = await run("run", "--mode", "core", "--seeds", "3");
  expect(code).toBe(0);
  expect(text).toMatch(/^pass: no promise was broken\n3 seeds, \d+ steps/);
});

test("sim run tells all as JSON", async () => {
  const { code, text } = await run("run", "--seeds", "2", "--json");
  expect(code).toBe(0);
  expect(JSON.parse(text)).toMatchObject({ verdict: "pass", seeds: 2, failure: null });
});

test("sim run says when it has seen too little", async () => {
  expect((await run("run", "--seeds", "0")).code).toBe(2);
});

test("sim run, replay, shrink and view find, repeat and show what breaks a machine of the user's", {
  timeout: 60_000,
}, async () => {
  const out = join(directory, "failure");
  const found = await run("run", module, "--out", out, "--shrink-seconds", "1");
  expect(found.code).toBe(1);
  expect(found.text).toContain(`npx quorate sim replay ${join(out, "scenario.json")} ${module}`);
  const smallest = join(out, "scenario.json");

  const again = await run("replay", smallest, module);
  expect(again.code).toBe(1);
  expect(found.text).toContain(again.text.split("\n")[0]);

  expect((await run("shrink", smallest, module, "--seconds", "1")).code).toBe(1);
  const explained = await run("explain", smallest, module);
  expect(explained.code).toBe(1);
  expect(explained.text).toMatch(/^seed \d+, \d members.*: what was done, and who came to lead\n/);
  expect(explained.text).toMatch(/is leader in term[\s\S]+what led to the violation\n/);

  const { code, text: test } = await run("totest", smallest, module);
  expect(code).toBe(0);
  expect(test).toContain(`import options from ${JSON.stringify(module)};`);
  const { default: options } = (await import(module)) as { readonly default: unknown };
  expect(() => runTest(test, options)).toThrow(/to be undefined/);

  const page = join(directory, "page.html");
  expect((await run("view", smallest, module, "--out", page)).code).toBe(0);
  expect(readFileSync(page, "utf8")).toMatch(/^<!doctype html>/i);
});

test("sim explain of what holds tells its course, and sim totest makes a test of it that passes", async () => {
  const explained = await run("explain", scenario);
  expect(explained.code).toBe(0);
  expect(explained.text).toMatch(/is leader in term[\s\S]+\nnothing is broken, after \d+ steps\n$/);
  const { text } = await run("totest", scenario);
  expect(text).toContain('test("nothing is broken by seed 3"');
  runTest(text);
});

/** Runs a printed test here, with our own modules for those that it imports. */
function runTest(text: string, options?: unknown): void {
  const code = text.replaceAll(/^import .+$/gm, "");
  const given = { parseScenario, replay, expect, options, test: (_name: string, body: () => void) => body() };
  new Function(...Object.keys(given), code)(...Object.values(given));
}

test("sim replay of what holds says so, and there is nothing to shrink", async () => {
  expect(await run("replay", scenario)).toMatchObject({ code: 0 });
  expect(await run("shrink", scenario)).toMatchObject({ code: 2 });
  expect(existsSync(join("sim-failures"))).toBe(false);
});

test.each<readonly string[]>([
  [],
  ["fly"],
  ["run", "--mode", "other"],
  ["run", "--faults", "mix"],
  ["run", "--seeds", "-1"],
  ["run", scenario],
  ["replay"],
  ["replay", join(directory, "missing.json")],
  ["replay", "--what"],
])("sim %s makes no sense", async (...args) => {
  await expect(run(...args)).rejects.toThrow(args.includes(scenario) ? Error : UsageError);
});
