import { defined, type Overrides } from "../../base/defaults.ts";
import { type Demand, type Demands, demand, fraction, whole } from "../../base/options.ts";

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

const MORE = Number.MAX_SAFE_INTEGER;

export const DISK_LIMITS: Demands<DiskLimits> = {
  segmentBytes: demand(
    `a multiple of 512, ${SEGMENT_BYTES_MIN} or more`,
    (value): value is number =>
      Number.isSafeInteger(value) && (value as number) % 512 === 0 && (value as number) >= SEGMENT_BYTES_MIN,
  ),
  batchBytesMax: whole(1),
  snapshotsKept: whole(1),
  chunkBytesMax: whole(1),
  reserveBytes: whole(0),
  stateCopyMs: fraction(0, MORE),
  scrubBytesPerSecond: fraction(0, MORE),
};

/** The 16 bytes in hex that name a store. */
export const storeIdText: Demand<string> = demand(
  "16 bytes in hexadecimal digits",
  (value): value is string => typeof value === "string" && /^[0-9a-f]{32}$/.test(value),
);

/** The defaults with the caller's changes, which have been checked. */
export function diskLimits(changes: Overrides<DiskLimits>): DiskLimits {
  return { ...DEFAULT_DISK_LIMITS, ...defined(changes) };
}
