import { crashEverywhere } from "./crashes.ts";
import {
  type Damage,
  flippedBits,
  foreignParts,
  lookAtAll,
  lostSectors,
  misplacedSectors,
  missingFiles,
  replacedBytes,
  shortenedFiles,
  staleParts,
  swappedFiles,
  swappedNeighbours,
} from "./damage.ts";
import { failEachCall, fillDiskAtEachCall, type Manner } from "./failing-calls.ts";
import type { Run } from "./member-run.ts";
import { rearrangedFrames, rearrangedRecords } from "./rearranged.ts";
import { makeRemains, type Remains } from "./remains.ts";
import { repairAll } from "./repairs.ts";
import { shortenEachWrite } from "./short-writes.ts";
import type { Tally } from "./tally.ts";

/** `brief` takes some seconds on one core, `quick` a minute; `full` leaves nothing out and takes an hour. */
export type Extent = "brief" | "quick" | "full";

/** One way to hurt a store. */
export interface Torture {
  readonly name: string;
  run(seed: number, extent: Extent, tally: Tally): void;
}

/** Four segments of 64 KiB and three snapshots, about. */
const STANDARD = {
  segmentBytes: 65_536,
  batchBytesMax: 20_000,
  chunkBytesMax: 700,
  reserveBytes: 512,
  stateCopyMs: 5,
  snapshotsKept: 3,
};

/** All of them. */
export const TORTURES: readonly Torture[] = [
  {
    name: "power cut at each call",
    run(seed, extent, tally) {
      const runs = { brief: 1, quick: 2, full: 60 }[extent];
      const nestedEvery = extent === "full" ? 1 : 25;
      for (let at = 0; at < runs; at++) crashEverywhere({ seed: seed + at, moves: 45 }, nestedEvery, tally);
    },
  },
  {
    name: "each call fails once",
    run: (seed, extent, tally) => failCalls(seed, extent, "once", tally),
  },
  {
    name: "each call fails, and all after it",
    run: (seed, extent, tally) => failCalls(seed, extent, "from then on", tally),
  },
  {
    name: "each write falls short",
    run(seed, extent, tally) {
      const runs = { brief: 1, quick: 2, full: 25 }[extent];
      const moves = extent === "brief" ? 8 : 30;
      for (let at = 0; at < runs; at++) shortenEachWrite({ seed: seed + at, moves }, tally);
    },
  },
  {
    name: "the disk is full from each call on",
    run(seed, extent, tally) {
      const runs = { brief: 1, quick: 4, full: 100 }[extent];
      for (let at = 0; at < runs; at++) fillDiskAtEachCall({ seed: seed + at, moves: 30 }, tally);
    },
  },
  damage("a bit flipped", { brief: 211, quick: 47 }, flippedBits),
  damage("a byte replaced", { brief: 97, quick: 23 }, replacedBytes),
  damage("a file cut short", { brief: 29, quick: 7 }, shortenedFiles),
  damage("a file missing", {}, missingFiles),
  damage("two files swapped", {}, swappedFiles),
  damage("a sector or page lost", {}, lostSectors),
  damage("two sectors swapped", {}, swappedNeighbours),
  damage("a sector misplaced", { brief: 19, quick: 3 }, (remains, every) =>
    thinned(misplacedSectors(remains), every),
  ),
  damage("two frames swapped, one gone or twice", {}, rearrangedFrames),
  damage("two records swapped, one gone or twice", {}, rearrangedRecords),
  damage("a part of another store", {}, foreignParts),
  damage("a part of earlier days", {}, staleParts),
  {
    name: "a damage to be repaired by peers",
    run(seed, extent, tally) {
      const every = { brief: 1009, quick: 41, full: 1 }[extent];
      for (const run of [12, 40, 25].map((moves, at): Run => ({ seed: seed + at, moves }))) {
        for (const end of ["closed", "cut off"] as const) {
          const remains = makeRemains(run, end);
          repairAll(remains, thinned(replacedBytes(remains, 1), every), tally);
          for (const damages of [missingFiles, lostSectors, swappedNeighbours, rearrangedFrames, staleParts])
            repairAll(remains, thinned(damages(remains), extent === "brief" ? 41 : 1), tally);
        }
      }
    },
  },
  {
    name: "a byte replaced, in large segments",
    run(seed, extent, tally) {
      const every = { brief: 5003, quick: 997, full: 1 }[extent];
      const remains = makeRemains({ seed, moves: 900, limits: STANDARD }, "closed");
      lookAtAll(remains, replacedBytes(remains, every), tally);
    },
  },
];

/** One case in so many is looked at; every one where nothing is said. */
type Strides = Partial<Record<Extent, number>>;

/** Damages stores that were closed in order and stores that were cut off, with snapshots and without. */
function damage(
  name: string,
  strides: Strides,
  damagesOf: (remains: Remains, every: number) => Iterable<Damage>,
): Torture {
  return {
    name,
    run(seed, extent, tally) {
      const every = strides[extent] ?? 1;
      const runs: Run[] = [12, 40, 25].map((moves, at) => ({ seed: seed + at, moves }));
      for (const run of runs) {
        for (const end of ["closed", "cut off"] as const) {
          const remains = makeRemains(run, end);
          lookAtAll(remains, damagesOf(remains, every), tally);
        }
      }
    },
  };
}

function* thinned(damages: Iterable<Damage>, every: number): Iterable<Damage> {
  let at = 0;
  for (const each of damages) if (at++ % every === 0) yield each;
}

function failCalls(seed: number, extent: Extent, lasts: Manner["lasts"], tally: Tally): void {
  const runs = { brief: 1, quick: 2, full: 25 }[extent];
  const errnos = ["EIO", "ENOSPC", "EROFS", "EMFILE"] as const;
  for (let at = 0; at < runs; at++) {
    for (const errno of extent === "brief" ? errnos.slice(0, 2) : errnos) {
      failEachCall({ seed: seed + at, moves: 30 }, { errno, lasts }, tally);
    }
  }
}
