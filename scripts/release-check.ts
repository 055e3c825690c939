/**
 * `npm run release:check -- [--tag vX.Y.Z] [--notes FILE]` says what stands in the way of a release: a repository that is
 * still a placeholder, a version without a dated section in CHANGELOG.md, or a tag that names another version. `--notes`
 * writes that section to a file. npm runs it before it publishes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PLACEHOLDER, placeOf } from "./repository.ts";

export interface Release {
  readonly manifest: string;
  readonly changelog: string;
  readonly tag?: string | undefined;
}

/** Returns one sentence for each reason not to publish. */
export function obstacles({ manifest, changelog, tag }: Release): string[] {
  const { version } = JSON.parse(manifest) as { version: string };
  const found: string[] = [];
  if (placeOf(manifest).startsWith(`${PLACEHOLDER}/`)) {
    found.push("package.json names no repository yet: run `npm run repository -- OWNER/NAME`");
  }
  const section = sectionOf(changelog, version);
  if (section === undefined) found.push(`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"`);
  else if (section === "") found.push(`CHANGELOG.md says nothing about ${version}`);
  if (tag !== undefined && tag !== `v${version}`) {
    found.push(`the tag is ${tag}, and the version in package.json is ${version}`);
  }
  return found;
}

/** Returns what the changelog says about a released version. */
export function sectionOf(changelog: string, version: string): string | undefined {
  const [, ...sections] = changelog.split(/^## /m);
  const section = sections.find((each) => each.startsWith(`[${version}] - `));
  if (section === undefined || !/^\S+ - \d{4}-\d{2}-\d{2}$/m.test(section.split("\n")[0]!)) return undefined;
  return section.slice(section.indexOf("\n")).trim();
}

function main(): void {
  const { values } = parseArgs({ options: { tag: { type: "string" }, notes: { type: "string" } } });
  const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
  const [manifest, changelog] = [read("package.json"), read("CHANGELOG.md")];
  const found = obstacles({ manifest, changelog, tag: values.tag });
  for (const obstacle of found) console.error(obstacle);
  if (found.length > 0) {
    process.exitCode = 1;
    return;
  }
  const { version } = JSON.parse(manifest) as { version: string };
  if (values.notes !== undefined) writeFileSync(values.notes, `${sectionOf(changelog, version)}\n`);
  console.log(`${version} can be released`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
