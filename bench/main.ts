/** `npm run bench -- NAME [--json]` runs `bench/NAME.ts`; without a name it lists what there is, by first comments. */
import { spawn } from "node:child_process";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

const FOLDER = fileURLToPath(new URL(".", import.meta.url));
const HELPERS = ["main.ts", "report.ts"];

const names = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".ts") && !HELPERS.includes(file))
  .map((file) => file.slice(0, -".ts".length))
  .sort();
const [name, ...options] = process.argv.slice(2);

if (name === undefined) {
  for (const each of names) console.log(`${each.padEnd(16)}${question(each)}`);
} else if (names.includes(name)) {
  process.exitCode = await runBuilt(name, options);
} else {
  console.error(`no benchmark is called "${name}"; there are: ${names.join(", ")}`);
  process.exitCode = 1;
}

/** The first sentence of a benchmark's first comment. */
function question(name: string): string {
  const text = readFileSync(join(FOLDER, `${name}.ts`), "utf8");
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
  return comment
    .replace(/\s*\n\s*\*\s?/g, " ")
    .trim()
    .split(/[.?] /)[0]!;
}

/**
 * Compiles a benchmark as the package is compiled, and runs that: what translates sources while they load gives every
 * closure its name as it is made, which costs more than some of what is measured here.
 */
async function runBuilt(name: string, options: readonly string[]): Promise<number> {
  const workshop = mkdtempSync(join(realpathSync(tmpdir()), "quorate-bench-"));
  try {
    symlinkSync(resolve("node_modules"), join(workshop, "node_modules"));
    writeFileSync(join(workshop, "package.json"), JSON.stringify({ type: "module" }));
    await build({
      config: false,
      entry: { [name]: join(FOLDER, `${name}.ts`), member: join(FOLDER, "process/member.ts") },
      format: ["esm"],
      target: "node20",
      splitting: true,
      treeshake: true,
      skipNodeModulesBundle: true,
      outDir: workshop,
      silent: true,
    });
    return await run(join(workshop, `${name}.js`), options);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
}

/** A benchmark sees its own options only, and ends by itself when it is told to. */
function run(file: string, options: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [file, ...options], { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
