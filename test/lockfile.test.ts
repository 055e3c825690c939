import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type Lockfile, missingFrom } from "../scripts/lockfile.ts";

describe("the lockfile", () => {
  it("names every optional package, of other platforms too, or `npm ci` refuses it", () => {
    const text = readFileSync(new URL("../package-lock.json", import.meta.url), "utf8");
    const lockfile: Lockfile = JSON.parse(text);
    expect(missingFrom(lockfile), "mend it with: npx tsx scripts/lockfile.ts").toEqual([]);
  });

  it("is not complete when a package asks for one that it does not name", () => {
    const asking = { version: "1.0.0", optionalDependencies: { "a-linux": "1.0.0" } };
    const packages = { "node_modules/a": asking };
    expect(missingFrom({ packages })).toEqual([{ name: "a-linux", version: "1.0.0", isDev: false }]);

    const beside = { ...packages, "node_modules/a-linux": { version: "1.0.0" } };
    expect(missingFrom({ packages: beside })).toEqual([]);
    const within = { ...packages, "node_modules/a/node_modules/a-linux": { version: "1.0.0" } };
    expect(missingFrom({ packages: within })).toEqual([]);
  });
});
