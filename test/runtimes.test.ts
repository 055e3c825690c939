import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { promisedOutput, readPage, reasonNotToRun } from "../scripts/docs/markdown.ts";
import { run, runWell } from "../scripts/process.ts";
import { reasonMissing, runtimes } from "../scripts/runtimes.ts";
import { linesAmong, withFreePorts } from "./doc-programs.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RUN_MS = 60_000;
const blocks = readPage("README.md", readFileSync(join(ROOT, "README.md"), "utf8")).blocks.filter(
  (block) => block.language === "ts" && reasonNotToRun(block) === null,
);

let home: string;

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "quorate-runtimes-"));
  writeFileSync(join(home, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await placePackage(join(home, "node_modules"));
}, 180_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

describe.each(runtimes())("the package on $name", (runtime) => {
  const reason = reasonMissing(runtime);
  if (reason !== null) {
    it.skip(`runs (needs ${runtime.name}: ${reason})`);
    return;
  }

  it("keeps a store on disk with three members over TCP", { timeout: RUN_MS + 5_000 }, async () => {
    const file = join(home, "three-members.mjs");
    copyFileSync(join(ROOT, "test/runtimes/three-members.mjs"), file);
    const { exitCode, stdout, stderr } = await run(runtime.path, [...runtime.args, file], home, RUN_MS);
    expect(stdout, stderr).toBe("kept\n");
    expect(exitCode, stderr).toBe(0);
  });

  it("runs the programs of the README, which end and print what they say", {
    timeout: 3 * RUN_MS,
  }, async () => {
    const runs = blocks.map(async (block) => {
      const folder = join(home, `${runtime.name}-${block.line}`.replaceAll(" ", "-"));
      mkdirSync(folder);
      const file = join(folder, "block.mjs");
      const { code } = await transform(await withFreePorts(block.code), { loader: "ts", target: "es2022" });
      writeFileSync(file, code);
      const { exitCode, stdout, stderr } = await run(runtime.path, [...runtime.args, file], folder, RUN_MS);
      const where = `README.md:${block.line}\n${stdout}\n${stderr}`;
      expect(exitCode, where).toBe(0);
      expect(linesAmong(promisedOutput(block), stdout), where).toEqual(promisedOutput(block));
    });
    await Promise.all(runs);
  });
});

/** The package as it is built, beside what it depends on. `npm test` has built it; otherwise it is built aside. */
async function placePackage(modules: string): Promise<void> {
  const place = join(modules, "quorate");
  mkdirSync(place, { recursive: true });
  for (const name of readdirSync(join(ROOT, "node_modules")))
    if (!name.startsWith(".") && name !== "quorate")
      symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  copyFileSync(join(ROOT, "package.json"), join(place, "package.json"));
  if (process.env.npm_lifecycle_event === "test" && existsSync(join(ROOT, "dist")))
    cpSync(join(ROOT, "dist"), join(place, "dist"), { recursive: true });
  else
    await runWell(
      join(ROOT, "node_modules/.bin/tsup"),
      ["--silent", "--no-dts", "--out-dir", join(place, "dist")],
      ROOT,
    );
}
