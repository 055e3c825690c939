/**
 * `npm run bench -- NAME [--json]` runs `bench/NAME.ts`, and with `--help` tells how it is used; without a name it lists
 * what there is. All of this is in the first comment of each, the options that it takes included. An interrupt is passed
 * on: the long ones end with what they have measured.
 */
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

if (name === undefined || name === "--help") {
  for (const each of names) console.log(`${each.padEnd(16)}${question(each)}`);
} else if (!names.includes(name)) {
  refuse(`no benchmark is called "${name}"; there are: ${names.join(", ")}`);
} else if (options.includes("--help")) {
  console.log(usage(name));
} else {
  const unknown = unknownOptions(name);
  if (unknown.length === 0) process.exitCode = await runBuilt(name, options);
  else refuse(`${name} takes no ${unknown.join(", ")}\n\n${usage(name)}`);
}

function refuse(reason: string): void {
  console.error(reason);
  process.exitCode = 2;
}

/** A benchmark's first comment. */
function usage(name: string): string {
  const text = readFileSync(join(FOLDER, `${name}.ts`), "utf8");
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
  return comment.replace(/\n \* ?/g, "\n").trim();
}

/** Its first sentence. */
function question(name: string): string {
  return usage(name).replaceAll("\n", " ").split(/[.?] /)[0]!;
}

function unknownOptions(name: string): string[] {
  const known = new Set(usage(name).match(/--[a-z]+/g));
  return options
    .map((option) => option.split("=")[0]!)
    .filter((each) => each.startsWith("--") && !known.has(each));
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
  // In a group of its own, or a key at the terminal would interrupt the members that it measures as well.
  const child = spawn(process.execPath, [file, ...options], { stdio: "inherit", detached: true });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}
