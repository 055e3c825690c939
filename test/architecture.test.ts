import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ALLOWED_WORDS, floorsBelow, PORTABLE_FILES } from "../scripts/architecture/floors.ts";
import { findBreaches, printBreach, SENTENCES } from "../scripts/architecture/rules.ts";
import { readSource, type Source } from "../scripts/architecture/source.ts";

const SRC = new URL("../src/", import.meta.url).pathname;

const sources: Source[] = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .sort()
  .map((path) => readSource(path, readFileSync(join(SRC, path), "utf8")));

describe("src/", () => {
  it("keeps to its floors and rings", () => {
    const breaches = findBreaches(sources);
    expect(breaches.map(printBreach).join("\n"), "lines that break a rule").toBe("");
  });
});

describe("every floor and room", () => {
  const folders = [...new Set(sources.map(({ path }) => dirname(path)))].filter((folder) => folder !== ".");

  it.each(folders)("%s opens with a page that says what it is for, and names files that exist", (folder) => {
    const page = readFileSync(join(SRC, folder, "README.md"), "utf8");
    expect(page.split("\n")[0]).toBe(`# ${folder}`);
    const named = [...page.matchAll(/`([\w/.-]+\.ts)`/g)].map((match) => match[1]!);
    expect(named.filter((name) => !existsSync(join(SRC, folder, name)))).toEqual([]);
  });
});

describe("the table of floors", () => {
  it("keeps the siblings storage and transport apart", () => {
    expect(floorsBelow("storage")).not.toContain("transport");
    expect(floorsBelow("transport")).not.toContain("storage");
  });

  it("keeps the client off the server", () => {
    expect(floorsBelow("client")).not.toContain("etcd");
    expect(floorsBelow("wire")).not.toContain("root");
  });

  it("lets nothing below the front doors know them", () => {
    for (const floor of floorsBelow("root")) {
      for (const door of ["root", "etcd", "client", "testkit", "cli"]) {
        expect(floorsBelow(floor)).not.toContain(door);
      }
    }
  });
});

describe("the tables of exceptions", () => {
  it("name only files that are there", () => {
    const files = sources.map(({ path }) => path);
    for (const path of [...Object.keys(PORTABLE_FILES), ...Object.keys(ALLOWED_WORDS)]) {
      expect(files).toContain(path);
    }
  });
});

describe("each rule can fail", () => {
  const cases: readonly (readonly [story: string, sentence: string, files: Record<string, string>])[] = [
    [
      "an import from a floor above",
      SENTENCES.floor,
      { "log/log.ts": 'import { Raft } from "../raft/raft.ts";', "raft/raft.ts": "" },
    ],
    [
      "a type from a floor above",
      SENTENCES.floor,
      { "raft/raft.ts": 'import type { Kv } from "../kv/kv.ts";', "kv/kv.ts": "" },
    ],
    [
      "a re-export from a floor above",
      SENTENCES.floor,
      { "base/all.ts": 'export * from "../log/log.ts";', "log/log.ts": "" },
    ],
    [
      "an import written inside a type",
      SENTENCES.floor,
      { "base/a.ts": 'export type L = import("../log/log.ts").Log;', "log/log.ts": "" },
    ],
    [
      "storage that knows transport",
      SENTENCES.floor,
      { "storage/wal/wal.ts": 'import type { Peer } from "../../transport/transport.ts";' },
    ],
    [
      "transport that knows storage",
      SENTENCES.floor,
      { "transport/codec/framing.ts": 'import type { Save } from "../../storage/storage.ts";' },
    ],
    [
      "a floor that knows the composition root",
      SENTENCES.floor,
      { "coordination/lock.ts": 'import { open } from "../open.ts";' },
    ],
    ["a folder without a floor", SENTENCES.unknown, { "helpers/misc.ts": "" }],
    [
      "an import of an export list",
      SENTENCES.barrel,
      { "kv/mvcc/mvcc-store.ts": 'import { Log } from "../../log/index.ts";' },
    ],
    ["Node in the portable ring", SENTENCES.node, { "replica/replica.ts": 'import fs from "node:fs";' }],
    ["Node without its prefix", SENTENCES.node, { "storage/wal/wal.ts": 'import { join } from "path";' }],
    [
      "Node's types in the portable ring",
      SENTENCES.node,
      { "kv/kv.ts": 'import type { Server } from "node:net";' },
    ],
    ["Node in the composition root", SENTENCES.node, { "open.ts": 'import { join } from "node:path";' }],
    ["Node in an import at run time", SENTENCES.node, { "testkit/report.ts": 'void import("node:fs");' }],
    [
      "portable code that imports machine code",
      SENTENCES.machine,
      {
        "storage/disk/disk-storage.ts": 'import type { NodeFiles } from "../files/node-files.ts";',
        "storage/files/node-files.ts": "",
      },
    ],
    [
      "pure code that runs portable code",
      SENTENCES.purity,
      { "raft/raft.ts": 'import { systemClock } from "../base/clock.ts";' },
    ],
    ["an async function in the core", SENTENCES.async, { "raft/raft.ts": "export async function step() {}" }],
    ["an await in the core", SENTENCES.async, { "log/log.ts": "await null;" }],
    ["a loop that awaits", SENTENCES.async, { "kv/mvcc/mvcc-store.ts": "for await (const x of []) x;" }],
    [
      "a promise in the core",
      SENTENCES.async,
      { "kv/mvcc/mvcc-store.ts": "export type Later = Promise<void>;" },
    ],
    [
      "the time of day in the core",
      SENTENCES.world,
      { "kv/machine/lease-table.ts": "export const now = () => Date.now();" },
    ],
    ["chance in the core", SENTENCES.world, { "raft/raft.ts": "export const x = Math.random();" }],
    ["a timer in the core", SENTENCES.world, { "raft/raft.ts": "setTimeout(() => {}, 1);" }],
    ["a timer in the portable ring", SENTENCES.world, { "replica/turn.ts": "setImmediate(() => {});" }],
    ["a global timer in the machine ring", SENTENCES.timers, { "cli/main.ts": "setInterval(() => {}, 1);" }],
    ["the environment in the core", SENTENCES.world, { "log/log.ts": "export const e = process.env;" }],
    ["a global by its long name", SENTENCES.world, { "log/log.ts": "export const d = globalThis.Date;" }],
    ["Node's crypto by its global name", SENTENCES.world, { "base/random.ts": "crypto.randomUUID();" }],
    [
      "a package out of its place",
      SENTENCES.packages,
      { "raft/raft.ts": 'import { pack } from "msgpackr";' },
    ],
    ["a package that only tests use", SENTENCES.packages, { "cli/main.ts": 'import { parse } from "yaml";' }],
    [
      "a package for types, at run time",
      SENTENCES.packages,
      { "replica/events.ts": 'import TypedEmitter from "typed-emitter";' },
    ],
    ["the package itself", SENTENCES.packages, { "kv/kv.ts": 'import { open } from "quorate";' }],
    [
      "two files that import each other",
      SENTENCES.cycle,
      { "log/a.ts": 'import "./b.ts";', "log/b.ts": 'import type { A } from "./a.ts";' },
    ],
    [
      "two rooms that import each other through different files",
      SENTENCES.rooms,
      {
        "storage/wal/a.ts": 'import "../disk/b.ts";',
        "storage/disk/b.ts": "",
        "storage/disk/c.ts": 'import type { D } from "../wal/d.ts";',
        "storage/wal/d.ts": "",
      },
    ],
    [
      "two rooms that import each other by way of a file beside them",
      SENTENCES.rooms,
      {
        "storage/wal/a.ts": 'import "../storage.ts";',
        "storage/storage.ts": 'import type { C } from "./disk/c.ts";',
        "storage/disk/c.ts": 'import "../wal/d.ts";',
        "storage/wal/d.ts": "",
      },
    ],
    [
      "a cycle of three",
      SENTENCES.cycle,
      {
        "log/a.ts": 'import "./b.ts";',
        "log/b.ts": 'import "./c.ts";',
        "log/c.ts": 'export * from "./a.ts";',
      },
    ],
  ];

  it.each(cases)("on %s", (_story, sentence, files) => {
    const breaches = findBreaches(sourcesOf(files));
    expect(breaches).toHaveLength(1);
    expect(breaches[0]!.sentence).toContain(sentence);
  });

  it("and prints the place, the line and the sentence", () => {
    const [breach] = findBreaches(sourcesOf({ "log/log.ts": "\n  const now = Date.now(); // soon\n" }));
    expect(printBreach(breach!)).toBe(
      `src/log/log.ts:2: const now = Date.now(); // soon\n    breaks: ${SENTENCES.world}`,
    );
  });
});

describe("what only looks like a breach passes", () => {
  const cases: readonly (readonly [story: string, files: Record<string, string>])[] = [
    ["words in comments", { "raft/raft.ts": "// We await no Promise, and ask no Date." }],
    ["words in strings", { "raft/raft.ts": 'export const text = "await setTimeout node:fs";' }],
    ["names of members", { "raft/raft.ts": "class A { process() { return this.process; } }" }],
    ["other functions of Math", { "raft/raft.ts": "export const x = Math.max(1, 2);" }],
    ["imports downwards", { "kv/kv.ts": 'import { assert } from "../base/assert.ts";' }],
    ["Node in the machine ring", { "storage/files/node-files.ts": 'import fs from "node:fs";' }],
    ["packages in their place", { "base/codec.ts": 'import { Packr } from "msgpackr";' }],
    ["types of a package that has only these", { "kv/kv.ts": 'import type T from "typed-emitter";' }],
    [
      "a pure file that knows the type of a portable one",
      { "kv/machine/kv-machine.ts": 'import type { StateMachine } from "../../replica/state-machine.ts";' },
    ],
    ["the export list, over every ring", { "index.ts": 'export * from "./storage/files/node-files.ts";' }],
    [
      "two ways to the same file",
      { "log/a.ts": 'import "./b.ts"; import "./c.ts";', "log/b.ts": 'import "./c.ts";', "log/c.ts": "" },
    ],
  ];

  it.each(cases)("%s", (_story, files) => {
    expect(findBreaches(sourcesOf(files)).map(printBreach)).toEqual([]);
  });
});

function sourcesOf(files: Record<string, string>): Source[] {
  return Object.entries(files).map(([path, text]) => readSource(path, text));
}
