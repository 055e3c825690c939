import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apiReport, REPORT, unexported } from "../scripts/api-report.ts";

test("docs/api.txt shows the surface of the package; `npx tsx scripts/api-report.ts` accepts a change", () => {
  expect(apiReport()).toBe(readFileSync(REPORT, "utf8"));
}, 60_000);

test("every type that a public signature rests on can be imported from some entry of the package", () => {
  expect(unexported()).toEqual([]);
}, 120_000);
