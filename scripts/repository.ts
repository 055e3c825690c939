/**
 * `npm run repository -- OWNER/NAME` writes the place of the source code into every file that names it. Without an
 * argument it prints the place and the files. `repository.url` in package.json decides what is replaced.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** All other pages use relative links, which npm resolves by package.json. */
const FILES = ["package.json", ".github/ISSUE_TEMPLATE/config.yml"];

/** The owner that package.json names until somebody publishes: nothing may be released with it. */
export const PLACEHOLDER = "OWNER";

/** Returns the `OWNER/NAME` in a package.json. Throws when its repository is not on GitHub. */
export function placeOf(manifest: string): string {
  const { url } = (JSON.parse(manifest) as { repository: { url: string } }).repository;
  const place = /github\.com\/([^/]+\/[^/]+?)(\.git)?$/.exec(url)?.[1];
  if (place === undefined) throw new Error(`package.json names no repository on GitHub, but ${url}`);
  return place;
}

/** Returns the text with each link to one repository changed into a link to the other. */
export function moved(text: string, from: string, to: string): string {
  return text.replaceAll(`github.com/${from}`, `github.com/${to}`);
}

function main(args: readonly string[]): void {
  const from = placeOf(readFileSync(`${ROOT}package.json`, "utf8"));
  const [to, ...rest] = args;
  if (to === undefined) {
    console.log(`${from}, named in ${FILES.join(", ")}`);
  } else if (rest.length > 0 || !/^[\w.-]+\/[\w.-]+$/.test(to)) {
    console.error("usage: npm run repository -- [OWNER/NAME]");
    process.exitCode = 2;
  } else {
    for (const file of FILES) {
      const path = `${ROOT}${file}`;
      writeFileSync(path, moved(readFileSync(path, "utf8"), from, to));
      console.log(`${file}: ${to}`);
    }
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
