import { Random } from "../../../src/base/random.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { ManualClock } from "../manual-clock.ts";
import { type Expectation, expectationOf, IDENTITY, ScriptedMember } from "../script.ts";
import { type Run, runMember, SMALL } from "./member-run.ts";

/** The bytes of each file of a data directory. */
export type Image = ReadonlyMap<string, Uint8Array>;

/** A data directory as a run left it, and what must be found in it. */
export interface Remains {
  readonly run: Run;
  readonly end: "closed" | "cut off";
  readonly image: Image;
  readonly due: Expectation;
  /** The same without the frame that was acknowledged last. */
  readonly dueWithoutLast: Expectation;
  /** The directory as it was at some moments of the run, oldest first. */
  readonly earlier: readonly Image[];
}

export function makeRemains(run: Run, end: Remains["end"], storeId = "5a".repeat(16)): Remains {
  const { seed, moves, limits = SMALL } = run;
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const member = new ScriptedMember(seed);
  const storage = new DiskStorage(new MemoryFiles(disk, { clock }), {
    ...limits,
    clock,
    mintStoreId: () => storeId,
  });
  storage.open(IDENTITY);
  // All steps of a frame are called back together, between two looks.
  const acknowledged = [0, 0];
  const earlier: Image[] = [];
  const look = (): void => {
    if (member.acknowledged === acknowledged.at(-1)) return;
    acknowledged.push(member.acknowledged);
    if (acknowledged.length % 4 === 0) earlier.push(disk.image());
  };
  runMember(member, storage, clock, moves, new Random(seed), look);
  if (end === "closed") storage.close(() => {});
  clock.settle(look);
  look();
  // An older snapshot may stand in for a damaged one, with the log that leads on from it.
  const due = { ...expectationOf(member), acknowledgedSnapshot: 0 };
  const dueWithoutLast = { ...due, acknowledged: acknowledged.at(-2)! };
  return { run, end, image: disk.image(), due, dueWithoutLast, earlier };
}
