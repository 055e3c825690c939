import { expect, test } from "vitest";
import type { Entry } from "../../../src/log/entry.ts";
import { Replay } from "../../../src/storage/wal/replay.ts";

const entry = (index: number, term = 1, bytes = 10): Entry => {
  return { index, term, kind: "command", data: new Uint8Array(bytes) };
};

function replayed(snapshotIndex: number, entries: Iterable<Entry>): Replay {
  const replay = new Replay(snapshotIndex);
  for (const each of entries) replay.takeRecord({ kind: "entry", entry: each });
  return replay;
}

function* upTo(last: number, bytes = 10): Iterable<Entry> {
  for (let index = 1; index <= last; index++) yield entry(index, 1, bytes);
}

test("a start keeps the entries behind the snapshot, and of those that it covers the last ones only", () => {
  const { entries } = replayed(90_000, upTo(100_000));
  expect(entries.length).toBeLessThan(15_000);
  expect(entries[0]!.index).toBeLessThan(90_000);
  expect(entries.at(-1)!.index).toBe(100_000);
  expect(entries.every(({ index }, at) => index === entries[0]!.index + at)).toBe(true);
});

test("large entries that the snapshot covers are not kept either, but for the one at its place", () => {
  const { entries } = replayed(50, upTo(60, 2_000_000));
  expect(entries[0]!.index).toBe(50);
  expect(entries.length).toBe(11);
});

test("entries that were replaced below what is kept lead to the same log", () => {
  const replay = replayed(20_000, upTo(20_000));
  for (let index = 10; index <= 20_010; index++) replay.takeRecord({ kind: "entry", entry: entry(index, 2) });
  const { entries } = replay;
  expect(entries.every(({ term }) => term === 2)).toBe(true);
  expect(entries.at(-1)!.index).toBe(20_010);
  expect(entries[0]!.index).toBeLessThanOrEqual(20_000);
  expect(() => replay.takeRecord({ kind: "entry", entry: entry(20_012) })).toThrow(
    "entry 20012 where 20011 is due",
  );
});
