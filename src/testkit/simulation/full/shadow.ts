import type { Clock } from "../../../base/clock.ts";
import { QuorateError } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { DiskStorage } from "../../../storage/disk/disk-storage.ts";
import type { MemoryDisk, PowerCut } from "../../../storage/files/memory-disk.ts";
import { MemoryFiles } from "../../../storage/files/memory-files.ts";
import type { Identity } from "../../../storage/storage.ts";
import type { MemberEvent, RecoveredState } from "../seen/sim-event.ts";
import { STORAGE_LIMITS } from "./full-process.ts";

type Found = RecoveredState | { readonly refused: string };

interface Cut {
  readonly cut: PowerCut;
  readonly random: Random;
  readonly mintStoreId: () => string;
}

/**
 * Reads what a power cut would leave of a disk now, as the next start would, and once more as if that start had been cut
 * off as soon as it had read everything. The disk itself stays as it is.
 */
export function readShadow(
  disk: MemoryDisk,
  identity: Identity,
  { cut, random, mintStoreId }: Cut,
): Pick<Extract<MemberEvent, { kind: "shadow" }>, "recovered" | "again"> {
  const first = new MemoryFiles(disk.afterPowerCut(cut, random), { clock: STILL });
  const recovered = foundBy(first, identity, mintStoreId);
  const second = new MemoryFiles(first.disk.afterPowerCut(cut, random), { clock: STILL });
  return { recovered, again: foundBy(second, identity, mintStoreId) };
}

/** How a second process is refused that opens the directory while the member has it, or null. */
export function refusalOfSecond(
  disk: MemoryDisk,
  identity: Identity,
  mintStoreId: () => string,
): string | undefined {
  const found = foundBy(new MemoryFiles(disk, { clock: STILL }), identity, mintStoreId);
  return "refused" in found ? found.refused : undefined;
}

const STILL: Clock = {
  monotonic: () => 0,
  wall: () => 0,
  after: () => ({ cancel: () => {} }),
  soon: () => {},
};

function foundBy(files: MemoryFiles, identity: Identity, mintStoreId: () => string): Found {
  try {
    const storage = new DiskStorage(files, { ...STORAGE_LIMITS, mintStoreId, clock: STILL });
    const { hardState, snapshot, entries } = storage.open(identity);
    return { hardState, snapshot: snapshot?.metadata, entries };
  } catch (error) {
    return { refused: QuorateError.is(error) ? `${error.code}: ${error.message}` : String(error) };
  }
}
