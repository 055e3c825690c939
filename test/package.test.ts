import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runWell } from "../scripts/process.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BIN = join(ROOT, "node_modules/.bin");
const MANIFEST = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const SPECIFIERS = Object.keys(MANIFEST.exports)
  .filter((path) => path !== "./package.json")
  .map((path) => path.replace(/^\./, "quorate"));
/** Of those, what can be required. */
const REQUIRABLE = SPECIFIERS.filter(
  (specifier) => "require" in MANIFEST.exports[specifier.replace(/^quorate/, ".")],
);
/** vitest can only be imported by a program that vitest runs. */
const IMPORTABLE = SPECIFIERS.filter((specifier) => specifier !== "quorate/testkit/vitest");
const SLOW = 120_000;

/** One durable member: what a reader tries first. `{ open }` must be in scope. */
const FIRST_TRY = `
  const folder = process.argv[2];
  const store = await open(folder);
  await store.put("greeting", "hello");
  await store.close();
  const again = await open(folder);
  console.log(await again.get("greeting"));
  await again.close();
`;

let home: string;
let consumer: string;
let tarball: string;
let packed: string[];

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), "quorate-package-"));
  consumer = join(home, "consumer");
  await pack(join(home, "stage"));
  await install();
}, 2 * SLOW);

afterAll(() => rmSync(home, { recursive: true, force: true }));

async function pack(stage: string): Promise<void> {
  mkdirSync(stage);
  for (const file of ["package.json", "README.md", "LICENSE", "CHANGELOG.md", "SECURITY.md"]) {
    copyFileSync(join(ROOT, file), join(stage, file));
  }
  // `npm test` has built already. Otherwise build aside: others may be using `dist` right now.
  if (isBuilt()) cpSync(join(ROOT, "dist"), join(stage, "dist"), { recursive: true });
  else await runWell(join(BIN, "tsup"), ["--silent", "--out-dir", join(stage, "dist")], ROOT);
  const [report] = JSON.parse(
    await runWell("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", home], stage),
  );
  tarball = join(home, report.filename);
  packed = report.files.map(({ path }: { path: string }) => path);
}

/** Whether everything in `dist` is younger than everything that it is built from. */
function isBuilt(): boolean {
  if (!existsSync(join(ROOT, "dist/index.d.cts"))) return false;
  const built = timesIn("dist");
  const sources = [...timesIn("src"), ...["package.json", "tsup.config.ts"].map(timeOf)];
  return Math.min(...built) > Math.max(...sources);
}

function timesIn(folder: string): number[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => timeOf(relative(ROOT, join(entry.parentPath, entry.name))));
}

function timeOf(path: string): number {
  return statSync(join(ROOT, path)).mtimeMs;
}

async function install(): Promise<void> {
  mkdirSync(consumer);
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true }));
  const quiet = ["--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"];
  await runWell("npm", ["install", ...quiet, tarball], consumer);
  // Types of Node and the optional peers are the consumer's own; ours serve, to stay off the network.
  for (const name of ["@types", "undici-types", ...Object.keys(MANIFEST.peerDependencies)]) {
    try {
      const place = join(consumer, "node_modules", name);
      mkdirSync(dirname(place), { recursive: true });
      symlinkSync(join(ROOT, "node_modules", name), place);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

describe("the package", () => {
  it("holds what is built, its texts, and nothing else", () => {
    const others = packed.filter((path) => !path.startsWith("dist/"));
    expect(others.sort()).toEqual(["CHANGELOG.md", "LICENSE", "README.md", "SECURITY.md", "package.json"]);
  });

  it("passes publint", { timeout: SLOW }, async () => {
    await runWell(join(BIN, "publint"), ["run", tarball, "--strict"], home);
  });

  it("resolves with its types from ESM and from CJS (attw)", { timeout: SLOW }, async () => {
    const options = [
      "--profile",
      "node16",
      "--no-color",
      "--no-emoji",
      "--exclude-entrypoints",
      "./testkit/vitest",
    ];
    await runWell(join(BIN, "attw"), [tarball, ...options], home);
  });
});

describe("a program that installed the package", () => {
  it("imports every export as ESM and keeps data", { timeout: SLOW }, async () => {
    const imports = IMPORTABLE.map((specifier) => `await import("${specifier}");`).join("\n");
    write("program.mjs", `import { open } from "quorate";\n${imports}\n${FIRST_TRY}`);
    expect(await runWell("node", ["program.mjs", "data-esm"], consumer)).toBe("hello\n");
  });

  it("requires every export as CJS and keeps data", { timeout: SLOW }, async () => {
    const requires = REQUIRABLE.map((specifier) => `require("${specifier}");`).join("\n");
    const body = `(async () => {${FIRST_TRY}})();`;
    write("program.cjs", `const { open } = require("quorate");\n${requires}\n${body}`);
    expect(await runWell("node", ["program.cjs", "data-cjs"], consumer)).toBe("hello\n");
  });

  it("has a command that knows its version", { timeout: SLOW }, async () => {
    expect(await runWell("node_modules/.bin/quorate", ["--version"], consumer)).toBe(`${MANIFEST.version}\n`);
  });

  it("shares its classes between the exports of one kind", { timeout: SLOW }, async () => {
    write(
      "shared.cjs",
      `const seen = new Map();
       for (const specifier of ${JSON.stringify(REQUIRABLE)}) {
         for (const [name, value] of Object.entries(require(specifier))) {
           if (typeof value !== "function" || !String(value).startsWith("class")) continue;
           if (seen.has(name) && seen.get(name) !== value) throw new Error("two copies of " + name);
           seen.set(name, value);
         }
       }`,
    );
    await runWell("node", ["shared.cjs"], consumer);
  });

  it("type-checks under NodeNext and strict, our declarations included", { timeout: SLOW }, async () => {
    const imports = SPECIFIERS.map((specifier, at) => `import * as m${at} from "${specifier}";`).join("\n");
    const uses = `export const all: object[] = [${SPECIFIERS.map((_, at) => `m${at}`).join(", ")}];`;
    write(
      "program.mts",
      `${imports}\n${uses}\nconst { open } = m0;\n${FIRST_TRY.replace("argv[2]", "argv[2]!")}`,
    );
    const requires = REQUIRABLE.map((specifier, at) => `import * as m${at} from "${specifier}";`).join("\n");
    write(
      "program.cts",
      `${requires}\nexport const all: object[] = [${REQUIRABLE.map((_, at) => `m${at}`)}];`,
    );
    write(
      "tsconfig.json",
      JSON.stringify({
        compilerOptions: {
          target: "ES2022",
          module: "NodeNext",
          strict: true,
          skipLibCheck: false,
          noEmit: true,
          types: ["node"],
        },
        files: ["program.mts", "program.cts"],
      }),
    );
    await runWell(join(BIN, "tsc"), ["-p", "."], consumer);
  });

  function write(name: string, text: string): void {
    writeFileSync(join(consumer, name), text);
  }
});
