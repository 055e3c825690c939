import { QuorateError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { RESERVE_PATH } from "../../../src/storage/layout/data-dir.ts";
import { ManualClock } from "../manual-clock.ts";
import { complaintAbout, type Expectation, expectationOf, IDENTITY, ScriptedMember } from "../script.ts";
import { type Run, recover, runMember, SMALL } from "./member-run.ts";
import type { Tally } from "./tally.ts";

/** How calls fail: with which code of the system, and whether one does or all from it on. */
export interface Manner {
  readonly errno: "EIO" | "ENOSPC" | "EROFS" | "EMFILE";
  readonly lasts: "once" | "from then on";
}

/**
 * Fails the call with number k, for each k in the run; a write that fails has written its first half. The storage stops
 * where it must, and the next start finds what was acknowledged, whether or not the power was cut in between.
 */
export function failEachCall(run: Run, manner: Manner, tally: Tally): void {
  for (let failing = 1; failAt(run, manner, failing, tally); failing++) {
    // Goes on until there is no call left to fail.
  }
}

/** False when the run has no call of that number. */
function failAt({ seed, moves }: Run, { errno, lasts }: Manner, failing: number, tally: Tally): boolean {
  const random = new Random(seed);
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const member = new ScriptedMember(seed);
  const failed: DiskCall[] = [];
  const beforeCall = (call: DiskCall): string | undefined => {
    const fails = call.number === failing || (lasts === "from then on" && call.number > failing);
    if (!fails) return undefined;
    failed.push(call);
    return errno;
  };
  const files = new MemoryFiles(disk, { clock, beforeCall });
  const storage = new DiskStorage(files, { ...SMALL, clock });
  const opening = tally.attempt("open", () => storage.open(IDENTITY));
  if ("value" in opening) runMember(member, storage, clock, moves, new Random(seed));
  const call = failed[0];
  if (call === undefined) return false;

  const where = `seed ${seed}, call ${failing} ${lasts}: ${call.operation} of ${call.path} failed, ${errno}`;
  if (member.failure !== null && call.path.startsWith("wal/")) mustHaveStopped(storage, clock, where, tally);
  files.halt();
  const due = expectationOf(member);
  const mustRecover = (found: MemoryDisk, how: string): void =>
    mustFind(found, due, `${where}, ${how}`, tally);
  mustRecover(new MemoryDisk(disk.image()), "started anew");
  mustRecover(disk.afterPowerCut("sectors", random), "and the power was cut");
  // The program starts anew on the same system, which may show what is not on the disk; then the power is cut.
  mustRecover(disk, "started anew");
  mustRecover(disk.afterPowerCut("lose-all", random), "started anew, and the power was cut");
  return true;
}

/**
 * Lets the disk be full from the call with number k on, for each k in the run: what takes more room fails, what
 * overwrites does not. With room again the storage goes on by itself, and nothing is lost whenever the power is cut.
 */
export function fillDiskAtEachCall(run: Run, tally: Tally): void {
  for (let from = 1; fillFrom(run, from, tally); from++) {
    // Goes on until there is no call left.
  }
}

function fillFrom({ seed, moves }: Run, from: number, tally: Tally): boolean {
  const random = new Random(seed);
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const member = new ScriptedMember(seed);
  let to = Number.POSITIVE_INFINITY;
  const files = new MemoryFiles(disk, {
    clock,
    beforeCall: (call) => (call.number >= from && call.number < to && takesRoom(call) ? "ENOSPC" : undefined),
  });
  const storage = new DiskStorage(files, { ...SMALL, clock });
  const where = `seed ${seed}, no room from call ${from} on`;
  const opening = tally.attempt(where, () => storage.open(IDENTITY));
  if ("value" in opening) runMember(member, storage, clock, moves, new Random(seed));
  if (files.calls < from) return false;

  const due = expectationOf(member);
  const whileFull = disk.afterPowerCut("sectors", random);
  mustFind(whileFull, due, `${where}, the power was cut`, tally);
  if (!("value" in opening)) return true;
  to = files.calls;
  clock.pass(ROOM_AGAIN_MS);
  const outcome = saveOnce(storage, clock);
  if (outcome !== null || storage.isFull) {
    tally.fault("silent loss", `${where}: with room again a save ended with ${String(outcome)}`);
  }
  files.halt();
  mustFind(disk, expectationOf(member), `${where}, and room again`, tally);
  return true;
}

/** Long enough for the storage to have asked again. */
const ROOM_AGAIN_MS = 5000;

function takesRoom({ operation, path }: DiskCall): boolean {
  return (operation === "write" || operation === "open") && (path.endsWith(".tmp") || path === RESERVE_PATH);
}

/** Starts on the disk, which must hold what is due. */
export function mustFind(found: MemoryDisk, due: Expectation, where: string, tally: Tally): void {
  tally.begin();
  const end = tally.attempt(where, () => recover(found));
  const complaint = "error" in end ? String(end.error) : complaintAbout(end.value, due);
  if (complaint === null) tally.intact += 1;
  else tally.fault("silent loss", `${where}: ${complaint}`);
}

/**
 * After a failed write or sync of the WAL every save fails. A snapshot that could not be written harms nothing else,
 * and a storage that only lacks room keeps saves waiting.
 */
export function mustHaveStopped(storage: DiskStorage, clock: ManualClock, where: string, tally: Tally): void {
  const outcome = saveOnce(storage, clock);
  if (outcome === WAITS && storage.isFull) return;
  const isRight = QuorateError.is(outcome, "ERR_DISK") && outcome.outcome === "unknown";
  if (!isRight) tally.fault("silent loss", `${where}: a later save ended with ${String(outcome)}`);
}

const WAITS = "no callback";

/** Saves a step that changes nothing, and gives what it ended with. */
function saveOnce(storage: DiskStorage, clock: ManualClock): unknown {
  let outcome: unknown = WAITS;
  const nothing = { hardState: undefined, entries: [], snapshot: undefined, sendAfter: [], last: undefined };
  storage.save({ ...nothing, mustSync: true, term: 1 }, (error) => {
    outcome = error;
  });
  clock.settle();
  return outcome;
}
