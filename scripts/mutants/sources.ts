import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Edit, plant } from "./mutant.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const ALONE = ["src", "tsconfig.json", "package.json"];
const BESIDE_TESTS = ["test", "scripts", "vitest.config.ts"];

/** A copy of `src/`, and of the tests where they are to be run, in a folder of its own, to be spoilt. */
export class Sources implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "quorate-mutant-"));
  readonly path = join(this.root, "src");

  constructor(edits: readonly Edit[] = [], hasTests = false) {
    for (const name of hasTests ? [...ALONE, ...BESIDE_TESTS] : ALONE) {
      cpSync(join(ROOT, name), join(this.root, name), { recursive: true });
    }
    symlinkSync(join(ROOT, "node_modules"), join(this.root, "node_modules"));
    for (const edit of edits) this.#edit(edit);
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #edit(edit: Edit): void {
    const path = join(this.path, edit.file);
    writeFileSync(path, plant(readFileSync(path, "utf8"), edit));
  }
}
