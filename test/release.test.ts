import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { obstacles, sectionOf } from "../scripts/release-check.ts";
import { moved, placeOf } from "../scripts/repository.ts";

const manifest = (owner: string) =>
  JSON.stringify({
    version: "1.2.3",
    repository: { type: "git", url: `git+https://github.com/${owner}/quorate.git` },
  });
const changelog = "# Changelog\n\n## [1.2.3] - 2026-12-01\n\n- More.\n\n## [1.2.2] - 2026-11-01\n\n- Less.\n";

describe("a release", () => {
  it("has a repository, a dated section of the changelog, and the tag of its version", () => {
    expect(obstacles({ manifest: manifest("someone"), changelog, tag: "v1.2.3" })).toEqual([]);
  });

  it("is refused with every reason at once", () => {
    const unreleased = changelog.replace("2026-12-01", "unreleased");
    expect(obstacles({ manifest: manifest("OWNER"), changelog: unreleased, tag: "v1.2.4" })).toEqual([
      expect.stringContaining("npm run repository"),
      expect.stringContaining("[1.2.3]"),
      expect.stringContaining("v1.2.4"),
    ]);
  });

  it("has notes: its section, and no other", () => {
    expect(sectionOf(changelog, "1.2.3")).toBe("- More.");
    expect(sectionOf(changelog, "1.2")).toBeUndefined();
  });
});

describe("the place of the sources", () => {
  it("stands in package.json, and moves in every link", () => {
    expect(placeOf(manifest("someone"))).toBe("someone/quorate");
    const link = "see https://github.com/OWNER/quorate/issues";
    expect(moved(link, "OWNER/quorate", "someone/else")).toBe("see https://github.com/someone/else/issues");
  });

  it("is named by absolute links in two files only, so that one command changes all", () => {
    const place = placeOf(readFileSync("package.json", "utf8"));
    for (const file of [
      "README.md",
      "CONTRIBUTING.md",
      "SECURITY.md",
      "CHANGELOG.md",
      "CODE_OF_CONDUCT.md",
    ]) {
      expect(readFileSync(file, "utf8")).not.toContain(`github.com/${place}`);
    }
  });
});
