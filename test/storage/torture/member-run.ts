import { EMPTY_BYTES } from "../../../src/base/bytes.ts";
import type { Random } from "../../../src/base/random.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import type { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import type { Recovered } from "../../../src/storage/storage.ts";
import { ManualClock } from "../manual-clock.ts";
import { contentOf, IDENTITY, type ScriptedMember } from "../script.ts";

/** Everything is small, so that segments, batches and chunks end often. */
export const SMALL = {
  segmentBytes: 4096,
  batchBytesMax: 1500,
  chunkBytesMax: 700,
  reserveBytes: 512,
  stateCopyMs: 5,
};

/** What a member did: `moves` by the chance of `seed`. */
export interface Run {
  readonly seed: number;
  readonly moves: number;
  readonly limits?: typeof SMALL & { readonly snapshotsKept?: number };
}

/** Opens a storage on `disk` as it is, reads its newest snapshot, and leaves without ending in order. */
export function recover(
  disk: MemoryDisk,
  limits: Run["limits"] = SMALL,
  beforeCall?: (call: DiskCall) => string | undefined,
): Recovered {
  const files = new MemoryFiles(disk, { clock: new ManualClock(), ...(beforeCall && { beforeCall }) });
  try {
    const storage = new DiskStorage(files, { ...limits, clock: new ManualClock() });
    const found = storage.open(IDENTITY);
    if (beforeCall === undefined) checkSnapshot(storage, found);
    return found;
  } finally {
    files.halt();
  }
}

/** Lets the member make its moves, with several steps under way at a time. */
export function runMember(
  member: ScriptedMember,
  storage: DiskStorage,
  clock: ManualClock,
  moves: number,
  random: Random,
  beforeEach: () => void = () => {},
): void {
  for (let at = 0; at < moves && member.failure === null; at++) {
    if (!member.isWaiting) member.move(storage);
    if (member.isWaiting || random.fraction() < 0.4) clock.settle(beforeEach);
    if (random.fraction() < 0.1) clock.pass(20, beforeEach);
  }
  clock.settle(beforeEach);
}

/** Throws where the snapshot is not, byte for byte, what the member wrote. */
function checkSnapshot(storage: DiskStorage, { snapshot }: Recovered): void {
  if (snapshot === undefined) return;
  const reader = storage.openSnapshot()!;
  const due = contentOf(snapshot.metadata);
  let read = 0;
  for (let chunk: Uint8Array | undefined = EMPTY_BYTES; chunk !== undefined; chunk = reader.readSync()) {
    if (chunk.some((byte, at) => byte !== due[read + at])) throw new Error("the snapshot has other bytes");
    read += chunk.length;
  }
  reader.close();
  if (read !== due.length) throw new Error(`the snapshot has ${read} bytes of ${due.length}`);
}
