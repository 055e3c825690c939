/** `npm run bench -- NAME [--json]` runs `bench/NAME.ts`; without a name it lists what there is, by first comments. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const FOLDER = new URL(".", import.meta.url);
const HELPERS = ["main.ts", "report.ts"];

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".ts") && !HELPERS.includes(file))
  .map((file) => file.slice(0, -".ts".length))
  .sort();
const [node, , name, ...options] = process.argv;

if (name === undefined) {
  for (const each of names) console.log(`${each.padEnd(16)}${question(each)}`);
} else if (names.includes(name)) {
  const file = new URL(`${name}.ts`, FOLDER);
  // A benchmark sees its own options only, as if it had been run by itself.
  process.argv = [node!, fileURLToPath(file), ...options];
  await import(file.href);
} else {
  console.error(`no benchmark is called "${name}"; there are: ${names.join(", ")}`);
  process.exitCode = 1;
}

/** The first sentence of a benchmark's first comment. */
function question(name: string): string {
  const text = readFileSync(new URL(`${name}.ts`, FOLDER), "utf8");
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
  return comment
    .replace(/\s*\n\s*\*\s?/g, " ")
    .trim()
    .split(/[.?] /)[0]!;
}
