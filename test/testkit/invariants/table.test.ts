import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { memberChecks } from "../../../src/testkit/invariants/member/member-checks.ts";
import { kvSystem } from "../../../src/testkit/simulation/kv/kv-system.ts";
import { invariantTable } from "./table.ts";

const PAGE = readFileSync(new URL("../../../docs/testing.md", import.meta.url), "utf8");

/** How many of each kind there are at least: all that a run is to be held against. */
const KNOWN = { R: 16, D: 8, S: 5, K: 4, C: 5, W: 10, T: 5, V: 5, B: 4 };

describe("the table of invariants", () => {
  it("stands on the page as the files say it", () => {
    const begin = "<!-- invariants: generated -->\n";
    const from = PAGE.indexOf(begin) + begin.length;
    expect(PAGE.slice(from, PAGE.indexOf("\n<!-- /invariants -->"))).toBe(invariantTable());
  });

  it("leaves none out", () => {
    for (const [kind, count] of Object.entries(KNOWN))
      for (let number = 1; number <= count; number++)
        expect(invariantTable()).toContain(`\n| ${kind}${number} |`);
  });

  it("has every check that a run of the store is held against", () => {
    for (const { name, says } of memberChecks(kvSystem))
      expect(invariantTable()).toContain(`| ${name} | ${says} |`);
  });
});
