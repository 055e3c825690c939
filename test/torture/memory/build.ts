import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

/** Compiles the members' program into a folder, with all that it needs, and gives its path. */
export async function buildMember(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await build({
    entry: { member: fileURLToPath(new URL("member.ts", import.meta.url)) },
    outDir: folder,
    format: "esm",
    target: "node20",
    platform: "node",
    noExternal: [/.*/],
    banner: {
      js: "import { createRequire as requirer } from 'node:module'; const require = requirer(import.meta.url);",
    },
    outExtension: () => ({ js: ".mjs" }),
    config: false,
    clean: false,
    dts: false,
    silent: true,
  });
  return join(folder, "member.mjs");
}
