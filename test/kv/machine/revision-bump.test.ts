import fc from "fast-check";
import { expect, test } from "vitest";
import type { Command } from "../../../src/kv/machine/command.ts";
import { KvMachine } from "../../../src/kv/machine/kv-machine.ts";
import { bumpRevisions, type RevisionBump } from "../../../src/kv/machine/revision-bump.ts";
import { ALL_KEYS, singleKey } from "../../../src/kv/mvcc/key-range.ts";
import { command, placed } from "../arbitraries.ts";
import { Applying } from "../support.ts";

const put = (key: string, value = "", lease = ""): Command => ({ kind: "put", key, value, lease });

function revived(source: Applying, bump: RevisionBump): Applying {
  const machine = new KvMachine();
  machine.restore(bumpRevisions(source.machine.snapshot(), bump));
  return new Applying(machine);
}

test("a restored store holds the same keys with their revisions, and goes on above all that the lost one can have given out", () => {
  const bump = fc.record({ by: fc.nat(1_000_000), markCompacted: fc.boolean() });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), bump, (history, bump) => {
      const source = new Applying(new KvMachine());
      for (const one of history) source.one(placed(one, source.machine.store.revision));
      const { store } = source.machine;
      const target = revived(source, bump);
      const { store: restored } = target.machine;
      expect(restored.range(ALL_KEYS)).toEqual(store.range(ALL_KEYS));
      expect(restored.revision).toBe(store.revision + bump.by);
      expect(restored.compactRevision).toBe(bump.markCompacted ? restored.revision : store.compactRevision);
      if (!target.machine.isOutOfSpace)
        expect(target.one(put("k")).revision).toBe(store.revision + bump.by + 1);
    }),
    { numRuns: 200 },
  );
});

test("a watch that remembers the lost store's revisions is told so, where they are marked as compacted", () => {
  const source = new Applying(new KvMachine());
  source.batch([put("a", "1"), put("b"), put("a", "2"), { kind: "delete", range: singleKey("b") }]);
  const { machine } = revived(source, { by: 1000, markCompacted: true });
  const watcher = machine.watches.watch({ range: ALL_KEYS, from: 9 }, () => {});
  expect(watcher.take()).toEqual({ kind: "compacted", revision: 9, compactRevision: 1005 });
  expect([...new Array(5).keys()].map((back) => machine.store.getAt("a", 1005 + back)?.value)).toEqual(
    Array(5).fill("2"),
  );
});

test("what names indexes of the lost log is let go: leases begin anew, sessions are over", () => {
  const source = new Applying(new KvMachine());
  source.batch([
    { kind: "session-open" },
    { kind: "lease-grant", lease: "L", ttlMs: 60_000 },
    put("a", "", "L"),
  ]);
  source.one({ kind: "lease-checkpoint", checkpoints: [{ lease: "L", renewedAt: 2, remainingMs: 1 }] });
  const { machine } = revived(source, { by: 0, markCompacted: false });
  expect(machine.sessions.size).toBe(0);
  expect(machine.leases.get("L")).toMatchObject({ remainingMs: 60_000, renewedAt: 0, keys: new Set(["a"]) });
});
