import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runWell } from "./process.ts";

/** Where the run-times lie; `npm ci` leaves it alone. */
const FOLDER = fileURLToPath(new URL("../.runtimes", import.meta.url));

/** A program that runs JavaScript, as a package of npm that holds nothing but the program. */
export interface Runtime {
  readonly name: string;
  /** Where the program is, if it was installed. */
  readonly path: string;
  /** What comes before the file that it is to run. */
  readonly args: readonly string[];
  readonly specifier: string;
}

/** Releases that the tests run on besides the Node that runs them. A platform that a package does not exist for is skipped. */
const NODES = ["20.19.0", "22.23.5", "24.22.3"];
const DENO = "2.9.6";
const BUN = "1.4.5";

const { platform, arch } = process;
const EXE = platform === "win32" ? ".exe" : "";

/** Every run-time that Quorate is tested on, as packages for this machine. */
export function runtimes(): Runtime[] {
  const system = `${platform === "win32" ? "win" : platform}-${arch}`;
  const nodes = NODES.map((version) => {
    const [major] = version.split(".");
    const place = join(`node-${major}`, "bin", `node${EXE}`);
    return runtime(`Node.js ${major}`, place, [], `node-${major}@npm:node-${system}@${version}`);
  });
  const deno = `@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
  const bun = `@oven/bun-${platform === "win32" ? "windows" : platform}-${arch === "arm64" ? "aarch64" : arch}`;
  return [
    ...nodes,
    runtime("Deno", join(deno, `deno${EXE}`), ["run", "--allow-all", "--no-prompt"], `${deno}@${DENO}`),
    runtime("Bun", join(bun, "bin", `bun${EXE}`), [], `${bun}@${BUN}`),
  ];
}

/** Why a run-time cannot be used; null when it can. */
export function reasonMissing({ path }: Runtime): string | null {
  return existsSync(path) ? null : "not installed: npm run runtimes";
}

function runtime(name: string, place: string, args: readonly string[], specifier: string): Runtime {
  return { name, path: join(FOLDER, "node_modules", place), args, specifier };
}

/** Installs those that are missing. Each is tried alone, so that one that cannot be had takes no other along. */
async function install(): Promise<void> {
  mkdirSync(FOLDER, { recursive: true });
  const manifest = join(FOLDER, "package.json");
  const specifiers = runtimes().map(({ specifier }) => specifier);
  const wanted = `${JSON.stringify({ private: true, description: specifiers.join(" ") })}\n`;
  const isCurrent = existsSync(manifest) && readFileSync(manifest, "utf8") === wanted;
  writeFileSync(manifest, wanted);
  const flags = [
    "--no-save",
    "--no-package-lock",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
  ];
  const missing = runtimes().filter((each) => !isCurrent || reasonMissing(each) !== null);
  if (missing.length === 0) return;
  try {
    await runWell("npm", ["install", ...flags, ...specifiers], FOLDER);
  } catch (error) {
    process.stdout.write(`could not install all run-times: ${String(error).slice(0, 500)}\n`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await install();
  for (const each of runtimes()) process.stdout.write(`${each.name}: ${reasonMissing(each) ?? each.path}\n`);
}
