import type { Keep } from "./sim-test.ts";

/** What of Node's `process` is needed to find its files; older releases than 20.16 cannot be asked that way. */
export interface Builtins {
  getBuiltinModule?(name: "node:fs"): FileSystem | undefined;
}

interface FileSystem {
  mkdirSync(path: string, options: { readonly recursive: true }): unknown;
  writeFileSync(path: string, text: string): void;
}

/** Keeps files where the tests were started; does nothing where there is no file system. */
export function keepIn(host: Builtins | undefined): Keep {
  return (folder, files) => {
    const fs = host?.getBuiltinModule?.("node:fs");
    fs?.mkdirSync(folder, { recursive: true });
    for (const [name, text] of files) fs?.writeFileSync(`${folder}/${name}`, text);
  };
}
