import { QuorateError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import { DiskStorage } from "../../../src/storage/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../src/storage/memory-files.ts";
import { ManualClock } from "../manual-clock.ts";
import { complaintAbout, expectationOf, IDENTITY, ScriptedMember } from "../script.ts";
import { type Run, recover, runMember, SMALL } from "./member-run.ts";
import type { Tally } from "./tally.ts";

/** Whether one call fails, or the disk refuses everything from that call on. */
export type Manner = "once" | "from then on";

/**
 * Fails the call with number k, for each k in the run. The storage stops where it must, and the next start finds what
 * was acknowledged, whether or not the power was cut in between.
 */
export function failEachCall(run: Run, manner: Manner, tally: Tally): void {
  for (let failing = 1; failAt(run, manner, failing, tally); failing++) {
    // Goes on until there is no call left to fail.
  }
}

/** False when the run has no call of that number. */
function failAt({ seed, moves }: Run, manner: Manner, failing: number, tally: Tally): boolean {
  const random = new Random(seed);
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const member = new ScriptedMember(seed);
  const failed: DiskCall[] = [];
  const beforeCall = (call: DiskCall): string | undefined => {
    const fails = call.number === failing || (manner === "from then on" && call.number > failing);
    if (!fails) return undefined;
    failed.push(call);
    return "EIO";
  };
  const files = new MemoryFiles(disk, { clock, beforeCall });
  const storage = new DiskStorage(files, { ...SMALL, clock });
  const opening = tally.attempt("open", () => storage.open(IDENTITY));
  if ("value" in opening) runMember(member, storage, clock, moves, new Random(seed));
  const call = failed[0];
  if (call === undefined) return false;

  const where = `seed ${seed}, call ${failing} ${manner}: ${call.operation} of ${call.path} failed`;
  if (member.failure !== null && call.path.startsWith("wal/")) mustHaveStopped(storage, clock, where, tally);
  files.halt();
  const due = expectationOf(member);
  const mustRecover = (found: MemoryDisk, how: string): void => {
    tally.begin();
    const end = tally.attempt(`${where}, ${how}`, () => recover(found));
    const complaint = "error" in end ? String(end.error) : complaintAbout(end.value, due);
    if (complaint === null) tally.intact += 1;
    else tally.fault("silent loss", `${where}, ${how}: ${complaint}`);
  };
  mustRecover(new MemoryDisk(disk.image()), "started anew");
  mustRecover(disk.afterPowerCut("sectors", random), "and the power was cut");
  // The program starts anew on the same system, which may show what is not on the disk; then the power is cut.
  mustRecover(disk, "started anew");
  mustRecover(disk.afterPowerCut("lose-all", random), "started anew, and the power was cut");
  return true;
}

/** After a failed write or sync of the WAL every save fails. A snapshot that could not be written harms nothing else. */
function mustHaveStopped(storage: DiskStorage, clock: ManualClock, where: string, tally: Tally): void {
  let outcome: unknown = "no callback";
  const nothing = { hardState: null, entries: [], snapshot: null, sendAfter: [], last: null };
  storage.save({ ...nothing, mustSync: true, term: 1 }, (error) => {
    outcome = error;
  });
  clock.settle();
  const isRight = QuorateError.is(outcome, "ERR_DISK") && outcome.outcome === "unknown";
  if (!isRight) tally.fault("silent loss", `${where}: a later save ended with ${String(outcome)}`);
}
