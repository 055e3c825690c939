import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

const { scripts } = JSON.parse(readFileSync("package.json", "utf8")) as { scripts: Record<string, string> };
const listed = readFileSync("CONTRIBUTING.md", "utf8")
  .split("\n")
  .map((line) => /^\| `([\w:-]+)` \| \S.* \|$/.exec(line)?.[1])
  .filter((name) => name !== undefined);

it("CONTRIBUTING.md lists each script of package.json once, and no other", () => {
  expect([...listed].sort()).toEqual(Object.keys(scripts).sort());
});
