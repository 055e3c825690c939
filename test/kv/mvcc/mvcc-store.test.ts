import fc from "fast-check";
import { expect, test } from "vitest";
import type { Command } from "../../../src/kv/machine/command.ts";
import { KvMachine } from "../../../src/kv/machine/kv-machine.ts";
import {
  ALL_KEYS,
  inRange,
  intersection,
  isSingleKey,
  keysWithPrefix,
  singleKey,
} from "../../../src/kv/mvcc/key-range.ts";
import { OrderedMap } from "../../../src/kv/mvcc/ordered-map.ts";
import { hashSteps } from "../../../src/kv/mvcc/state-hash.ts";
import { KEYS, keyRange } from "../arbitraries.ts";
import { Applying } from "../support.ts";

const put = (key: string, value = ""): Command => ({ kind: "put", key, value, lease: "" });
const remove = (key: string): Command => ({ kind: "delete", range: singleKey(key) });
const compact = (revision: number): Command => ({ kind: "compact", revision });

function applied(...commands: Command[]): Applying {
  const applying = new Applying(new KvMachine());
  applying.batch(commands);
  return applying;
}

function code(applying: Applying, command: Command): string {
  const result = applying.one(command);
  return result.kind === "refused" ? result.code : "ok";
}

const byteString = fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 3 });
const anyKey = fc.oneof(fc.constantFrom(...KEYS), byteString);

test("a prefix range holds exactly the keys that begin with the prefix", () => {
  fc.assert(
    fc.property(anyKey, anyKey, (prefix, key) => {
      expect(inRange(key, keysWithPrefix(prefix))).toBe(key.startsWith(prefix));
      expect(inRange(prefix + key, keysWithPrefix(prefix))).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("a single key is a range of one, and an intersection holds what both hold", () => {
  fc.assert(
    fc.property(keyRange, keyRange, anyKey, (left, right, key) => {
      expect(inRange(key, intersection(left, right))).toBe(inRange(key, left) && inRange(key, right));
      expect(inRange(key, singleKey(right.from))).toBe(key === right.from);
      expect(isSingleKey(singleKey(key))).toBe(true);
      expect(isSingleKey(left)).toBe(left.to === `${left.from}\0`);
    }),
    { numRuns: 2000 },
  );
});

test("an ordered map visits its keys in byte order, in both directions, from any place", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(anyKey, { maxLength: 60 }),
      fc.array(anyKey, { maxLength: 10 }),
      keyRange,
      (keys, gone, range) => {
        const map = new OrderedMap<string>();
        for (const key of keys) map.set(key, key);
        for (const key of gone) map.delete(key);
        const left = keys.filter((key) => !gone.includes(key) && inRange(key, range)).sort();
        const up: string[] = [];
        map.ascend(range, (key) => up.push(key) > 0);
        const down: string[] = [];
        map.descend(range, (key) => down.push(key) > 0);
        expect(up).toEqual(left);
        expect(down).toEqual(left.toReversed());

        const firstTwo: string[] = [];
        map.ascend(range, (key) => firstTwo.push(key) < 2);
        expect(firstTwo).toEqual(left.slice(0, 2));
      },
    ),
    { numRuns: 500 },
  );
});

test("a new store is at revision 1, and the first put makes revision 2", () => {
  const applying = applied();
  expect(applying.machine.store.revision).toBe(1);
  expect(applying.one(put("a")).revision).toBe(2);
});

test("only what changes a key makes a revision; a put of the same value does", () => {
  const applying = applied(put("a", "1"));
  expect(applying.one(put("a", "1")).revision).toBe(3);
  expect(applying.one(remove("nothing")).revision).toBe(3);
  expect(applying.one({ kind: "delete", range: ALL_KEYS }).revision).toBe(4);
  expect(applying.one({ kind: "lease-grant", lease: "L", ttlMs: 1000 }).revision).toBe(4);
  expect(applying.one({ kind: "lease-revoke", lease: "L", renewedAt: null }).revision).toBe(4);
  expect(applying.one(compact(3)).revision).toBe(4);
});

test("a key that is deleted and made again begins a new life", () => {
  const { machine } = applied(put("a", "1"), put("a", "2"), remove("a"), put("a", "3"));
  expect(machine.store.get("a")).toEqual({
    key: "a",
    value: "3",
    createRevision: 5,
    modRevision: 5,
    sub: 0,
    version: 1,
    lease: "",
  });
  expect(machine.store.getAt("a", 3)).toMatchObject({ value: "2", createRevision: 2, version: 2 });
  expect(machine.store.getAt("a", 4)).toBeUndefined();
});

test("compaction takes a revision once, from 0 up to the present", () => {
  const applying = applied();
  expect(code(applying, compact(2))).toBe("ERR_FUTURE_REVISION");
  expect(code(applying, compact(0))).toBe("ok");
  expect(code(applying, compact(0))).toBe("ERR_COMPACTED");
  expect(code(applying, compact(1))).toBe("ok");
  expect(code(applying, compact(0))).toBe("ERR_COMPACTED");
});

test("the compacted revision itself can be read, the one before it cannot", () => {
  const { machine } = applied(put("a", "1"), put("a", "2"), put("a", "3"), compact(3));
  const read = (revision: number) => machine.query({ kind: "range", range: ALL_KEYS, revision });
  expect(read(3)).toMatchObject({ kind: "range", revision: 4, versions: [{ value: "2" }] });
  expect(read(2)).toMatchObject({ kind: "refused", code: "ERR_COMPACTED" });
  expect(read(5)).toMatchObject({ kind: "refused", code: "ERR_FUTURE_REVISION" });
});

test("a compaction frees what nobody can read, but keeps the changes of its own revision", () => {
  const applying = applied(put("a"), put("a"), put("b"), remove("a"), put("c"), remove("c"), compact(7));
  const { store } = applying.machine;
  const held = () => {
    const keys: string[] = [];
    store.visitHistories(ALL_KEYS, (history) => keys.push(history.newest.key) > 0);
    return keys;
  };
  expect(store.compaction.isDone).toBe(true);
  expect(held()).toEqual(["b"]);
  expect(store.changes.at(store.changes.start)).toMatchObject({ key: "c", modRevision: 7 });
  applying.batch([put("d"), compact(8)]);
  expect(held()).toEqual(["b", "d"]);
  expect(store.changes.at(store.changes.start)).toMatchObject({ key: "d" });
});

test("a compaction goes in steps, and what is readable does not depend on them", () => {
  const { machine } = applied();
  const { store } = machine;
  for (let at = 0; at < 100; at++) {
    store.put("a", String(at), "");
    store.commit();
  }
  store.compaction.begin(50);
  for (let step = 0; step < 60; step++) {
    expect(store.getAt("a", 50)?.value).toBe("48");
    expect(store.compaction.isDone).toBe(step > 49);
    store.compaction.step(1);
  }
});

test("a hash depends on all that a revision shows, and not on compactions or later writes", () => {
  const hash = (applying: Applying, revision: number) => hashOf(applying.machine, revision);
  const one = applied(put("a", "1"), put("b", "2"));
  const other = applied(put("a", "1"), put("b", "2"), put("a", "3"), remove("b"), compact(3));
  expect(hash(one, 3)).toBe(hash(other, 3));
  expect(hash(other, 2)).toBeNull();

  const lease: Command = { kind: "lease-grant", lease: "L", ttlMs: 1000 };
  const different = [
    applied(put("a", "1"), put("b", "x")),
    applied(put("b", "2"), put("a", "1")),
    applied(put("a", "1"), put("bb", "2")),
    applied(lease, put("a", "1"), { kind: "put", key: "b", value: "2", lease: "L" }),
  ].map((applying) => hash(applying, 3));
  expect(new Set([hash(one, 3), ...different]).size).toBe(5);
});

test("a hash over many keys is taken in steps, and is the same after a restore", () => {
  const many = Array.from({ length: 3000 }, (_, at) => put(`k${(at * 7) % 3000}`, `${at}`));
  const { machine } = applied(...many);
  const restored = new KvMachine();
  restored.restore(machine.snapshot());
  expect([...hashSteps(machine.store, 3001)].length).toBeGreaterThan(1);
  expect(hashOf(restored, 3001)).toBe(hashOf(machine, 3001));
});

function hashOf({ store }: KvMachine, revision: number): number | null {
  const steps = hashSteps(store, revision);
  let step = steps.next();
  while (step.done !== true) step = steps.next();
  return step.value;
}
