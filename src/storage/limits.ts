import { defined, type Overrides } from "../base/defaults.ts";
import { invalidArgument } from "../base/errors.ts";

/** How large things may become on the disk and on their way to it. Every limit has a default. */
export interface DiskLimits {
  /** Length of a WAL segment in full growth; the first ones of a store are smaller. Multiple of 512. 64 MiB. */
  readonly segmentBytes: number;
  /** Steps go into the batch that waits until it has this many bytes; later ones wait for the batch after it. 1 MiB. */
  readonly batchBytesMax: number;
  /** How many snapshots are kept, 1 at least; with 2, damage to the newest loses nothing. 2. */
  readonly snapshotsKept: number;
  /** Snapshots are stored in chunks no longer than this, so that reading needs no more memory. 1 MiB. */
  readonly chunkBytesMax: number;
  /** Length of a file that is given up when the disk is full, so that compaction can go on; 0 for none. 2 MiB. */
  readonly reserveBytes: number;
  /** At most so long after a write is durable the second copy of the hard state says so, which takes a write of its own. 50 ms. */
  readonly stateCopyMs: number;
  /** How fast full segments and snapshots are read again, to find what has rotted; 0 for never. 1 MiB. */
  readonly scrubBytesPerSecond: number;
}

export const DEFAULT_DISK_LIMITS: DiskLimits = {
  segmentBytes: 64 * 1024 * 1024,
  batchBytesMax: 1024 * 1024,
  snapshotsKept: 2,
  chunkBytesMax: 1024 * 1024,
  reserveBytes: 2 * 1024 * 1024,
  stateCopyMs: 50,
  scrubBytesPerSecond: 1024 * 1024,
};

const SEGMENT_BYTES_MIN = 4096;

/** Throws ERR_INVALID_ARGUMENT. */
export function checkedDiskLimits(limits: Overrides<DiskLimits>): DiskLimits {
  const checked = { ...DEFAULT_DISK_LIMITS, ...defined(limits) };
  const refuse = (argument: keyof DiskLimits, demand: string): never => {
    throw invalidArgument(argument, checked[argument], `${argument} must be ${demand}`);
  };
  const { segmentBytes, batchBytesMax, snapshotsKept, chunkBytesMax, reserveBytes, stateCopyMs } = checked;
  const { scrubBytesPerSecond } = checked;
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes % 512 !== 0 || segmentBytes < SEGMENT_BYTES_MIN) {
    refuse("segmentBytes", `a multiple of 512, ${SEGMENT_BYTES_MIN} at least`);
  }
  if (!Number.isSafeInteger(batchBytesMax) || batchBytesMax < 1)
    refuse("batchBytesMax", "a whole number above 0");
  if (!Number.isSafeInteger(snapshotsKept) || snapshotsKept < 1)
    refuse("snapshotsKept", "a whole number above 0");
  if (!Number.isSafeInteger(chunkBytesMax) || chunkBytesMax < 1)
    refuse("chunkBytesMax", "a whole number above 0");
  if (!Number.isSafeInteger(reserveBytes) || reserveBytes < 0)
    refuse("reserveBytes", "a whole number, 0 or more");
  if (!(stateCopyMs >= 0)) refuse("stateCopyMs", "0 or more");
  if (!(scrubBytesPerSecond >= 0)) refuse("scrubBytesPerSecond", "0 or more");
  return checked;
}
