import {
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
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readExamples } from "../scripts/docs/examples.ts";
import { type Block, promisedOutput, readPage, reasonNotToRun } from "../scripts/docs/markdown.ts";
import { run, runWell } from "../scripts/process.ts";
import tsup from "../tsup.config.ts";
import { linesAmong, withFreePorts } from "./doc-programs.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BIN = join(ROOT, "node_modules/.bin");
const MANIFEST = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
const RUN_MS = 60_000;

const pages = [
  "README.md",
  ...["CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .sort()
    .map((path) => `docs/${path}`),
].map((path) => readPage(path, readFileSync(join(ROOT, path), "utf8")));

const programs = pages.flatMap(({ path, blocks }) =>
  blocks
    .filter(({ language }) => language === "ts" || language === "js")
    .map((block) => ({ name: `${path}:${block.line}`, block })),
);
const shells = pages.flatMap(({ path, blocks }) =>
  blocks
    .filter(({ language }) => language === "sh")
    .map((block) => ({ name: `${path}:${block.line}`, block })),
);

const examples = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .sort()
  .flatMap((path) =>
    readExamples(`src/${path}`, readFileSync(join(ROOT, "src", path), "utf8")).map((block) => ({
      name: `src/${path}:${block.line}`,
      block,
    })),
  );

let workshop: string;

beforeAll(async () => {
  workshop = mkdtempSync(join(tmpdir(), "quorate-docs-"));
  symlinkSync(join(ROOT, "node_modules"), join(workshop, "node_modules"));
  writeFileSync(join(workshop, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(workshop, "tsconfig.json"), JSON.stringify(tsconfigForReaders()));
  for (const { name, block } of [...programs, ...examples]) {
    mkdirSync(join(workshop, folderOf(name)));
    const code = await withFreePorts(block.code);
    writeFileSync(join(workshop, fileOf(name, block)), `${code}\nexport {};\n`);
  }
});

afterAll(() => rmSync(workshop, { recursive: true, force: true }));

describe("the code in the documentation", () => {
  it("passes the type checker, run or not", { timeout: RUN_MS }, async () => {
    await runWell(join(BIN, "tsc"), ["-p", workshop], workshop);
  });

  describe("runs, each block in a process of its own, and prints what it says", () => {
    const runnable = programs.filter(({ block }) => reasonNotToRun(block) === null);
    it.each(runnable)("$name", { timeout: RUN_MS + 5_000 }, async ({ name, block }) => {
      const file = join(workshop, fileOf(name, block));
      const args = ["--tsconfig", join(workshop, "tsconfig.json"), file];
      const { exitCode, stdout, stderr } = await run(join(BIN, "tsx"), args, dirname(file), RUN_MS);
      expect(exitCode, `${name} must end by itself, and well\n${stdout}\n${stderr}`).toBe(0);
      expect(linesAmong(promisedOutput(block), stdout)).toEqual(promisedOutput(block));
    });
  });
});

describe("the examples in doc comments", () => {
  it("run one after the other in one process, and print what they say", { timeout: RUN_MS }, async () => {
    const main = join(workshop, "examples.ts");
    const steps = examples.flatMap(({ name, block }) => [
      `console.log(${JSON.stringify(`=== ${name}`)});`,
      `await import(${JSON.stringify(`./${fileOf(name, block)}`)});`,
    ]);
    writeFileSync(main, `${steps.join("\n")}\nexport {};\n`);
    const args = ["--tsconfig", join(workshop, "tsconfig.json"), main];
    const { exitCode, stdout, stderr } = await run(join(BIN, "tsx"), args, workshop, RUN_MS);
    expect(exitCode, `the last example named here failed\n${stdout}\n${stderr}`).toBe(0);

    const printed = new Map(
      stdout.split("=== ").map((part) => [part.split("\n", 1)[0]!, part.slice(part.indexOf("\n") + 1)]),
    );
    expect(examples.length).toBeGreaterThan(0);
    for (const { name, block } of examples)
      expect(linesAmong(promisedOutput(block), printed.get(name) ?? ""), name).toEqual(promisedOutput(block));
  });
});

describe("the commands in the documentation", () => {
  it.each(shells)("$name are scripts of package.json", ({ block }) => {
    for (const [, script] of block.code.matchAll(/\bnpm (?:run )?(?!i\b|ci\b|install\b|run\b)([\w:-]+)/g)) {
      expect(Object.keys(MANIFEST.scripts)).toContain(script);
    }
  });
});

describe("the links in the documentation", () => {
  it.each(pages.filter(({ links }) => links.length > 0))(
    "of $path lead to files and headings that exist",
    ({ path, links }) => {
      const dead = links.filter(({ target }) => {
        if (/^(https?:|mailto:)/.test(target)) return false;
        const [file, anchor] = target.split("#") as [string, string?];
        const place = file === "" ? join(ROOT, path) : resolve(ROOT, dirname(path), file);
        return !existsSync(place) || (anchor !== undefined && !anchorsOf(place).includes(anchor));
      });
      expect(dead).toEqual([]);
    },
  );
});

describe("the sources that the documentation names", () => {
  const folders = ["", "src", "src/testkit", "src/testkit/invariants"];

  it.each(pages.filter(({ path }) => path !== "CHANGELOG.md"))("in $path exist", ({ path }) => {
    const named = readFileSync(join(ROOT, path), "utf8").matchAll(/`([\w-]+\/[\w/-]+(?:\.test)?\.ts)`/g);
    const gone = [...named].filter(([, file]) => !folders.some((top) => existsSync(join(ROOT, top, file!))));
    expect(gone.map(([, file]) => file)).toEqual([]);
  });
});

describe("the list of decisions", () => {
  it("names each of them", () => {
    const listed = pages
      .find(({ path }) => path === "docs/decisions/README.md")!
      .links.map(({ target }) => target);
    const decisions = readdirSync(join(ROOT, "docs/decisions")).filter((file) => /^\d/.test(file));
    expect(listed.filter((target) => /^\d/.test(target))).toEqual(decisions.sort());
  });
});

describe("reading pages", () => {
  const page = (...lines: string[]) => readPage("page.md", lines.join("\n"));

  it("finds blocks with their language, info and line, and links outside of them", () => {
    const { blocks, links } = page(
      "See [a](b.md).",
      "```ts no-run: slow",
      "f(a)[1](x);",
      "```",
      "```",
      "plain",
      "```",
    );
    expect(blocks).toEqual([
      { line: 3, language: "ts", info: "no-run: slow", code: "f(a)[1](x);" },
      { line: 6, language: "", info: "", code: "plain" },
    ]);
    expect(links).toEqual([{ line: 1, target: "b.md" }]);
  });

  it("refuses a block that never ends, or is not run without a reason", () => {
    expect(() => page("```ts", "1;")).toThrow("page.md:2: a block that never ends");
    expect(() => reasonNotToRun(page("```ts no-run", "1;", "```").blocks[0]!)).toThrow("says why");
  });

  it("takes the printed lines from the comments", () => {
    const { blocks } = page("```ts", "console.log(1); // → 1", "console.log(2);", "f(); // → 3", "```");
    expect(promisedOutput(blocks[0]!)).toEqual(["1"]);
  });
});

/** The anchors that GitHub gives the headings of a page. */
function anchorsOf(place: string): string[] {
  return [...readFileSync(place, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function folderOf(name: string): string {
  return name.replace(/[^\w.-]/g, "_");
}

function fileOf(name: string, block: Block): string {
  return join(folderOf(name), `block.${block.language}`);
}

/** What a reader would have, but for `quorate`: it means the sources, by the entries that the build takes. */
function tsconfigForReaders(): object {
  const paths = Object.entries((tsup as { entry: Record<string, string> }).entry).map(([name, source]) => [
    name === "index" ? "quorate" : `quorate/${name}`,
    [join(ROOT, source)],
  ]);
  return {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { paths: Object.fromEntries(paths), allowJs: true, noUnusedLocals: false },
    include: ["*/block.*"],
  };
}
