import { expect, test } from "vitest";
import { concatBytes } from "../../src/base/bytes.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { bumpRevisions } from "../../src/kv/machine/revision-bump.ts";
import { ALL_KEYS } from "../../src/kv/mvcc/key-range.ts";
import { open } from "../../src/open.ts";
import { BackupReader } from "../../src/storage/snapshots/backup-file.ts";
import type { Store } from "../../src/store.ts";

async function filled(keys: number): Promise<Store<string>> {
  const store = await open({ historyRevisions: Number.POSITIVE_INFINITY });
  await store.ready();
  const puts = Array.from({ length: keys }, (_, at) => store.put(`k${at}`, "v".repeat(1000)));
  await Promise.all(puts);
  return store;
}

function restored(bytes: Uint8Array): { readonly reader: BackupReader; readonly machine: KvMachine } {
  const reader = new BackupReader("test", (offset, length) => bytes.subarray(offset, offset + length));
  const machine = new KvMachine();
  machine.restore(bumpRevisions(reader.chunks(), { by: 1000, markCompacted: true }));
  return { reader, machine };
}

test("a backup shows the moment at which it was asked for, whatever is written while it is taken", async () => {
  const store = await filled(500);
  const pieces: Uint8Array[] = [];
  for await (const piece of store.backup()) {
    pieces.push(piece);
    await store.put(`k${pieces.length}`, "later");
    await store.compact(store.status().revision);
  }
  expect(pieces.length).toBeGreaterThan(8);
  const { reader, machine } = restored(concatBytes(pieces));
  expect(reader.header).toMatchObject({ kind: "kv", revision: 501, clusterId: store.status().clusterId });
  expect(machine.store.liveKeys).toBe(500);
  expect(machine.store.range(ALL_KEYS).versions.every(({ value }) => value.length === 1000)).toBe(true);
  expect(machine.store.revision).toBe(1501);
  await store.close();
});

test("a backup that is left early lets history go, and so does one that is aborted", async () => {
  const store = await filled(300);
  for await (const piece of store.backup()) if (piece.length > 0) break;
  const controller = new AbortController();
  const aborted = (async () => {
    for await (const piece of store.backup({ signal: controller.signal }))
      if (piece.length > 0) controller.abort(new Error("enough"));
  })();
  await expect(aborted).rejects.toThrow("enough");
  await store.delete({ all: true });
  await store.compact(store.status().revision);
  while (store.metrics().compacting === 1) await new Promise((resolve) => setImmediate(resolve));
  expect(store.metrics().heldBytes).toBeLessThan(300 * 1000);
  await store.close();
});
