import { Random } from "../../../src/base/random.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { ManualClock } from "../manual-clock.ts";
import { expectationOf, IDENTITY, ScriptedMember } from "../script.ts";
import { mustFind, mustHaveStopped } from "./failing-calls.ts";
import { type Run, runMember, SMALL } from "./member-run.ts";
import type { Tally } from "./tally.ts";

/** How many of so many bytes the system takes, without a word. */
const TAKEN: Readonly<Record<string, (length: number) => number>> = {
  nothing: () => 0,
  "one byte": () => 1,
  "a sector": (length) => Math.min(512, length - 1),
  half: (length) => length >>> 1,
  "all but one byte": (length) => length - 1,
};

/** What becomes of the rest: the next call takes it, or fails. */
const RESTS = [undefined, "EIO", "ENOSPC"] as const;

interface Manner {
  readonly taken: string;
  readonly errno: (typeof RESTS)[number];
}

/**
 * Lets the write with number k, for each k in the run, take fewer bytes than it was given and say so without an error.
 * Where the next call takes the rest nobody notices; where it fails, or nothing was taken at all, the storage stops. The
 * power is cut between the two as well.
 */
export function shortenEachWrite(run: Run, tally: Tally): void {
  for (const taken of Object.keys(TAKEN)) {
    for (const errno of RESTS) {
      for (let number = 1; shortenAt(run, { taken, errno }, number, tally); number++) {
        // Goes on until the run has no write of that number.
      }
    }
  }
}

/** False when the run has no write of that number. */
function shortenAt({ seed, moves }: Run, { taken, errno }: Manner, number: number, tally: Tally): boolean {
  const random = new Random(seed);
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const member = new ScriptedMember(seed);
  let writes = 0;
  let short: DiskCall | null = null;
  let isRestDue = false;
  const where = (how: string): string =>
    `seed ${seed}, write ${number} (${short?.path}) took ${taken}, then ${errno ?? "the rest"}, ${how}`;

  const takes = (call: DiskCall, length: number): number => {
    writes += 1;
    if (writes !== number) return length;
    short = call;
    isRestDue = true;
    return TAKEN[taken]!(length);
  };
  const beforeCall = ({ operation, path }: DiskCall): string | undefined => {
    if (!isRestDue || operation !== "write" || path !== short?.path) return undefined;
    isRestDue = false;
    const between = disk.afterPowerCut("sectors", random);
    mustFind(between, expectationOf(member), where("the power was cut before the rest"), tally);
    return errno;
  };

  const files = new MemoryFiles(disk, { clock, beforeCall, takes });
  const storage = new DiskStorage(files, { ...SMALL, clock });
  const opening = tally.attempt("open", () => storage.open(IDENTITY));
  if ("value" in opening) runMember(member, storage, clock, moves, new Random(seed));
  if (short === null) return false;

  const { path } = short as DiskCall;
  const failure = "error" in opening ? opening.error : member.failure;
  const isHarmless = errno === undefined && taken !== "nothing";
  if (isHarmless && failure !== null) tally.fault("silent loss", where(`ended with ${String(failure)}`));
  if (member.failure !== null && path.startsWith("wal/")) {
    mustHaveStopped(storage, clock, where("went on"), tally);
  }
  files.halt();
  const due = expectationOf(member);
  mustFind(new MemoryDisk(disk.image()), due, where("started anew"), tally);
  mustFind(disk.afterPowerCut("sectors", random), due, where("and the power was cut"), tally);
  return true;
}
