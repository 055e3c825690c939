import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Edit, plant } from "./mutant.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** A copy of `src/` in a folder of its own, to be spoilt. */
export class Sources implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "quorate-mutant-"));
  readonly path = join(this.#folder, "src");

  constructor(edits: readonly Edit[] = []) {
    cpSync(join(ROOT, "src"), this.path, { recursive: true });
    cpSync(join(ROOT, "tsconfig.json"), join(this.#folder, "tsconfig.json"));
    writeFileSync(join(this.#folder, "package.json"), '{ "type": "module" }\n');
    symlinkSync(join(ROOT, "node_modules"), join(this.#folder, "node_modules"));
    for (const edit of edits) this.#edit(edit);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #edit(edit: Edit): void {
    const path = join(this.path, edit.file);
    writeFileSync(path, plant(readFileSync(path, "utf8"), edit));
  }
}
