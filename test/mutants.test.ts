import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { hunt } from "../scripts/mutants/hunter.ts";
import { plant } from "../scripts/mutants/mutant.ts";
import { MUTANTS } from "../scripts/mutants/mutants.ts";
import { between } from "../scripts/mutants/table.ts";

const source = (file: string): string => readFileSync(new URL(`../src/${file}`, import.meta.url), "utf8");

// `npm run mutants` hunts all of them.

describe("the planted bugs", () => {
  it.each(MUTANTS)("$id has its place in the sources, and changes something", ({ edits }) => {
    for (const edit of edits) expect(plant(source(edit.file), edit)).not.toBe(source(edit.file));
  });

  it.each(MUTANTS.filter((mutant) => mutant.mode === "test"))("$id names a test that exists", ({ test }) => {
    const file = readFileSync(new URL(test.file, import.meta.url), "utf8");
    expect(file).toContain(test.name);
  });

  it("have names of their own", () => {
    expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length);
  });

  it.each([
    ["vote-unsaved", "D1"],
    ["older-term-committed", "R10"],
    ["commit-goes-back", "R6"],
    ["write-not-synced", "D4"],
  ])("%s is found, as a breach of %s", { timeout: 120_000 }, async (id, invariant) => {
    const mutant = MUTANTS.find((each) => each.id === id)!;
    const caught = await hunt(mutant, { first: 1, seeds: 20, seconds: 60 });
    expect(caught.invariant).toBe(invariant);
  });

  it("are not found where none is planted", { timeout: 120_000 }, async () => {
    const caught = await hunt({ edits: [], mode: "core" }, { first: 1, seeds: 5, seconds: 60 });
    expect(caught).toMatchObject({ invariant: null, seeds: 5 });
  });
});

describe("a bug that a named test has to find", () => {
  const mode = "test" as const;
  const budget = { first: 1, seeds: 1, seconds: 60 };
  const wrongSize = [
    { file: "raft/quorum.ts", find: "Math.floor(voters / 2) + 1", replace: "Math.floor(voters / 2)" },
  ];
  const test = { file: "raft/quorum.test.ts", name: "is the highest that a majority has reached" };

  it("is killed when that test fails", { timeout: 120_000 }, async () => {
    expect(await hunt({ mode, edits: wrongSize, test }, budget)).toMatchObject({ invariant: test.file });
  });

  it("is not killed when that test passes", { timeout: 120_000 }, async () => {
    expect(await hunt({ mode, edits: [], test }, budget)).toMatchObject({ invariant: null });
  });

  it("is not killed by a test that does not exist", { timeout: 120_000 }, async () => {
    const other = { ...test, name: "no test is called this" };
    await expect(hunt({ mode, edits: [], test: other }, budget)).rejects.toThrow("has not run");
  });
});

describe("a change of the sources", () => {
  const edit = { file: "a.ts", find: "one", replace: "$& two" };

  it("is made as it stands", () => {
    expect(plant("zero one", edit)).toBe("zero $& two");
  });

  it("is refused without a place, or with two", () => {
    expect(() => plant("zero", edit)).toThrow("a.ts has 0 places");
    expect(() => plant("one one", edit)).toThrow("a.ts has 2 places");
  });

  it("that no longer makes a program ends the hunt", { timeout: 120_000 }, async () => {
    const edits = [
      { file: "raft/quorum.ts", find: "export function quorumSize", replace: "export function" },
    ];
    await expect(hunt({ edits, mode: "core" }, { first: 1, seeds: 1, seconds: 10 })).rejects.toThrow();
  });
});

describe("the table of a page", () => {
  it("stands between the marks, in place of the last one", () => {
    const page = "above\n<!-- mutants: generated -->\nold\n<!-- /mutants -->\nbelow\n";
    expect(between(page, "new")).toBe("above\n<!-- mutants: generated -->\nnew\n<!-- /mutants -->\nbelow\n");
    expect(() => between("no marks", "new")).toThrow("marks");
  });
});
