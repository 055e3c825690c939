import fc from "fast-check";
import { expect, test } from "vitest";
import type { Command } from "../../../src/kv/machine/command.ts";
import { KvMachine } from "../../../src/kv/machine/kv-machine.ts";
import type { KeyVersion } from "../../../src/kv/mvcc/key-history.ts";
import type { KeyRange } from "../../../src/kv/mvcc/key-range.ts";
import { ALL_KEYS, singleKey } from "../../../src/kv/mvcc/key-range.ts";
import type { WatchBatch, Watcher } from "../../../src/kv/mvcc/watch-hub.ts";
import { back, command, keyRange, placed } from "../arbitraries.ts";
import { Model, within } from "../model.ts";
import { Applying } from "../support.ts";

type Step =
  | { readonly kind: "commands"; readonly commands: readonly Command[] }
  | {
      readonly kind: "watch";
      readonly range: KeyRange;
      readonly back: number | null;
      readonly without: "put" | "delete" | undefined;
      readonly pendingMax: number;
    }
  | { readonly kind: "take"; readonly which: number; readonly times: number }
  /** A snapshot comes from a member that has applied more. */
  | { readonly kind: "restore"; readonly missed: readonly Command[] };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant("commands"),
      commands: fc.array(command, { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("watch"),
      range: keyRange,
      back: fc.option(back),
      without: fc.constantFrom(undefined, undefined, "put" as const, "delete" as const),
      pendingMax: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("take"),
      which: fc.nat(10),
      times: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restore"), missed: fc.array(command, { maxLength: 8 }) }),
  },
);

/** A watcher with what it has told so far, and what must be true of that. */
class Witness {
  readonly watcher: Watcher;
  readonly #model: Model;
  readonly from: number;
  readonly #told: KeyVersion[] = [];
  #toldUpTo = 0;
  isCompacted = false;
  calls = 0;

  constructor(
    machine: KvMachine,
    model: Model,
    { range, back: distance, without, pendingMax }: Step & { kind: "watch" },
  ) {
    this.#model = model;
    this.from = distance === null ? model.revision + 1 : Math.max(1, model.revision - distance);
    const from = distance === null ? null : this.from;
    const request = { range, from, without, previous: true, pendingMax };
    this.watcher = machine.watches.watch(request, () => {
      this.calls += 1;
    });
  }

  take(): WatchBatch | undefined {
    const batch = this.watcher.take();
    if (batch?.kind === "compacted") {
      // It may end only because the next revision to tell is really gone.
      expect(batch.compactRevision).toBe(this.#model.compactRevision);
      expect(batch.revision).toBeLessThan(batch.compactRevision);
      expect(this.watcher.isClosed).toBe(true);
      this.isCompacted = true;
    } else if (batch !== undefined) this.#check(batch);
    this.#checkProgress();
    return batch;
  }

  /** All that was told is all that there was to tell, up to the last revision taken: ordered, unique, reliable, filtered. */
  checkTold(): void {
    expect(this.#told).toEqual(this.#expectedUpTo(this.#toldUpTo));
  }

  #check({ changes, revision }: WatchBatch & { kind: "changes" }): void {
    expect(revision).toBeGreaterThanOrEqual(this.#toldUpTo);
    for (const { change, previous } of changes) {
      // Atomic: a revision that was told before does not come again.
      expect(change.modRevision).toBeGreaterThan(this.#toldUpTo);
      expect(change.modRevision).toBeLessThanOrEqual(revision);
      const before = this.#model.range(singleKey(change.key), change.modRevision - 1)[0] ?? null;
      if (change.modRevision - 1 >= this.#model.compactRevision) expect(previous).toEqual(before);
      else expect(previous).toBeNull();
      this.#told.push(change);
    }
    this.#toldUpTo = revision;
  }

  /** Bookmarkable: progress claims no more than was told. Resumable: `next` is where another watch would go on. */
  #checkProgress(): void {
    if (this.isCompacted) return;
    const { progress, next } = this.watcher;
    if (progress !== undefined) expect(this.#told).toEqual(this.#expectedUpTo(progress));
    expect(this.#told).toEqual(this.#expectedUpTo(next - 1));
  }

  #expectedUpTo(revision: number): KeyVersion[] {
    const { range, without } = this.watcher.request;
    return this.#model.changes.filter((change) => {
      const isWanted = without !== (change.version === 0 ? "delete" : "put");
      const isInTime = change.modRevision >= this.from && change.modRevision <= revision;
      return isWanted && isInTime && within(change.key, range);
    });
  }
}

/** Has the model and a member carry out the same, one after the other. */
function apply(model: Model, applying: Applying, unplaced: readonly Command[]): void {
  const commands: Command[] = [];
  for (const [at, each] of unplaced.entries()) {
    const command = placed(each, model.revision);
    model.apply(command, applying.index + 1 + at);
    commands.push(command);
  }
  applying.batch(commands);
}

test("a watch is ordered, unique, reliable, atomic, resumable and bookmarkable, however slow its consumer, across compactions and snapshots", () => {
  let compactions = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
      const machine = new KvMachine();
      const applying = new Applying(machine);
      const model = new Model();
      const witnesses: Witness[] = [];
      for (const one of steps) {
        if (one.kind === "watch") witnesses.push(new Witness(machine, model, one));
        else if (one.kind === "commands") apply(model, applying, one.commands);
        else if (one.kind === "take") {
          const witness = witnesses[one.which % Math.max(1, witnesses.length)];
          for (let time = 0; time < one.times; time++) witness?.take();
        } else {
          const ahead = new Applying(new KvMachine(), applying.index);
          ahead.machine.restore([...machine.snapshot()]);
          apply(model, ahead, one.missed);
          machine.restore([...ahead.machine.snapshot()]);
          applying.index = ahead.index;
        }
      }
      for (const witness of witnesses) {
        let batches = 0;
        while (witness.take() !== undefined) expect(batches++).toBeLessThan(1000);
        witness.checkTold();
        if (witness.isCompacted) compactions += 1;
        else if (witness.from <= model.revision) expect(witness.watcher.progress).toBe(model.revision);
        else if (witness.watcher.request.from !== null) expect(witness.watcher.progress).toBeUndefined();
      }
    }),
    { numRuns: 600 },
  );
  expect(compactions).toBeGreaterThan(0);
});

const put = (key: string, value = ""): Command => ({ kind: "put", key, value, lease: "" });
const remove = (key: string): Command => ({ kind: "delete", range: singleKey(key) });

function watched(range = ALL_KEYS, from: number | null = null, pendingMax?: number) {
  const machine = new KvMachine();
  const applying = new Applying(machine);
  let calls = 0;
  const watcher = machine.watches.watch({ range, from, previous: true, pendingMax }, () => {
    calls += 1;
  });
  const told = () => {
    const batch = watcher.take();
    return batch?.kind === "changes"
      ? batch.changes.map(({ change }) => [change.key, change.modRevision])
      : batch;
  };
  return { machine, applying, watcher, told, calls: () => calls };
}

test("a batch of commands calls a watcher once, and one that has nothing new not at all", () => {
  const { applying, told, calls } = watched({ from: "a", to: "b" });
  applying.batch([put("a"), put("aa"), put("b")]);
  expect(calls()).toBe(1);
  expect(told()).toEqual([
    ["a", 2],
    ["aa", 3],
  ]);
  expect(told()).toBeUndefined();
  applying.batch([put("b"), put("c")]);
  expect(calls()).toBe(1);
});

test("a watch on a future revision tells nothing before it, and no progress either", () => {
  const { applying, watcher, told } = watched(ALL_KEYS, 4);
  applying.batch([put("a"), put("b")]);
  expect(told()).toBeUndefined();
  expect(watcher.next).toBe(4);
  applying.batch([put("c"), put("d")]);
  expect(told()).toEqual([
    ["c", 4],
    ["d", 5],
  ]);
  expect(watcher.progress).toBe(5);
});

test("a watch on a future revision stays silent when a snapshot jumps to before it (etcd-io/etcd#20221)", () => {
  const { machine, applying, watcher, told } = watched(ALL_KEYS, 10);
  const ahead = new Applying(new KvMachine());
  ahead.batch([put("a"), put("b"), put("c")]);
  machine.restore(ahead.machine.snapshot());
  expect(told()).toBeUndefined();
  expect(watcher.progress).toBeUndefined();
  expect(watcher.next).toBe(10);
  for (let revision = machine.store.revision + 1; revision <= 10; revision++)
    applying.one(put(`k${revision}`));
  expect(told()).toEqual([["k10", 10]]);
});

test("a watch goes on across a snapshot without a gap (etcd-io/etcd#15271)", () => {
  const { machine, applying, told } = watched();
  applying.one(put("a"));
  const ahead = new Applying(new KvMachine());
  ahead.batch([put("a"), put("b"), remove("a")]);
  machine.restore(ahead.machine.snapshot());
  expect(told()).toEqual([
    ["a", 2],
    ["b", 3],
    ["a", 4],
  ]);
});

test("a watch from the compacted revision shows a deletion made there (etcd-io/etcd#18089)", () => {
  const { machine, applying } = watched();
  applying.batch([put("a"), put("b"), remove("a"), { kind: "compact", revision: 4 }]);
  applying.batch([put("c")]);
  const watcher = machine.watches.watch({ range: ALL_KEYS, from: 4 }, () => {});
  const batch = watcher.take();
  expect(
    batch?.kind === "changes" && batch.changes.map(({ change }) => [change.key, change.version]),
  ).toEqual([
    ["a", 0],
    ["c", 1],
  ]);
});

test("a watch from below the compacted revision ends with that revision, and so does a slow one", () => {
  const { machine, applying, watcher } = watched(ALL_KEYS, null, 1);
  applying.batch([put("a"), put("b"), put("c"), { kind: "compact", revision: 4 }]);
  expect(watcher.take()).toEqual({ kind: "compacted", revision: 2, compactRevision: 4 });
  expect(watcher.isClosed).toBe(true);
  expect(watcher.take()).toBeUndefined();
  const late = machine.watches.watch({ range: ALL_KEYS, from: 3 }, () => {});
  expect(late.take()).toEqual({ kind: "compacted", revision: 3, compactRevision: 4 });
});

test("the changes of one transaction come in one batch even when they overflow the queue", () => {
  const { applying, watcher } = watched(ALL_KEYS, null, 2);
  const success = ["a", "b", "c", "d", "e"].map((key) => put(key) as Command & { kind: "put" });
  applying.one({ kind: "txn", compares: [], success, failure: [] });
  const batch = watcher.take();
  expect(batch?.kind === "changes" && batch.changes.map(({ change }) => change.key)).toEqual([
    "a",
    "b",
    "c",
    "d",
    "e",
  ]);
});

test("a closed watch is told nothing and keeps nothing", () => {
  const { machine, applying, watcher, told, calls } = watched(singleKey("a"));
  applying.one(put("a"));
  watcher.close();
  applying.one(put("a"));
  expect(calls()).toBe(1);
  expect(told()).toBeUndefined();
  expect(machine.watches.watch({ range: singleKey("a"), from: null }, () => {}).take()).toBeUndefined();
});

test("a long history is read in steps that split no revision and leave nothing out", () => {
  const { machine, applying } = watched();
  const success = ["x", "y", "z"].map((key) => put(key) as Command & { kind: "put" });
  for (let at = 0; at < 1022; at++) applying.one(put(`k${at}`));
  for (let at = 0; at < 700; at++) applying.one({ kind: "txn", compares: [], success, failure: [] });
  const watcher = machine.watches.watch({ range: ALL_KEYS, from: 1 }, () => {});
  const revisions: number[][] = [];
  for (let batch = watcher.take(); batch?.kind === "changes"; batch = watcher.take()) {
    revisions.push(batch.changes.map(({ change }) => change.modRevision));
    expect(batch.revision).toBe(revisions.at(-1)!.at(-1));
  }
  expect(revisions.length).toBeGreaterThan(2);
  expect(revisions.flat()).toEqual(
    Array.from({ length: 1722 }, (_, at) => (at < 1022 ? [at + 2] : [at + 2, at + 2, at + 2])).flat(),
  );
  for (let at = 1; at < revisions.length; at++)
    expect(revisions[at]![0]).toBeGreaterThan(revisions[at - 1]!.at(-1)!);
});

test("what is compacted away is not told as previous, even while it is still in memory", () => {
  const { machine, applying } = watched();
  applying.batch([put("a", "1"), put("b"), put("a", "2")]);
  machine.snapshot();
  applying.one({ kind: "compact", revision: 4 });
  expect(machine.store.compaction.isDone).toBe(false);
  const watcher = machine.watches.watch({ range: ALL_KEYS, from: 4, previous: true }, () => {});
  expect(watcher.take()).toMatchObject({ changes: [{ change: { value: "2" }, previous: null }] });
});
