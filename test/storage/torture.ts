import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { DiskStorage } from "../../src/storage/disk-storage.ts";
import {
  MemoryDisk as Disk,
  type MemoryDisk,
  POWER_CUTS,
  type PowerCut,
} from "../../src/storage/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../src/storage/memory-files.ts";
import type { Recovered } from "../../src/storage/storage.ts";
import { ManualClock } from "./manual-clock.ts";
import { complaintAbout, type Expectation, expectationOf, IDENTITY, ScriptedMember } from "./script.ts";

const SMALL = { segmentBytes: 4096, batchBytesMax: 1500, chunkBytesMax: 700, idleMs: 5 };

/** What a torture did, so that one can see that it did something. */
export interface Tally {
  cuts: number;
  nested: number;
  dropped: number;
  refused: number;
}

export interface Run {
  readonly seed: number;
  readonly moves: number;
}

/** Opens a storage on `disk` as it is, without ending it in order. */
function recover(disk: MemoryDisk, beforeCall?: (call: DiskCall) => "fail" | undefined): Recovered {
  const files = new MemoryFiles(disk, { clock: new ManualClock(), ...(beforeCall && { beforeCall }) });
  try {
    return new DiskStorage(files, { ...SMALL, clock: new ManualClock() }).open(IDENTITY);
  } finally {
    files.halt();
  }
}

/**
 * Lets a member run, cuts the power before each call to the disk and before each callback, in each manner, and looks at what
 * the next start finds. `nestedEvery` of these starts are cut off in their turn, at each of their own calls.
 */
export function crashEverywhere({ seed, moves }: Run, nestedEvery: number): Tally {
  const tally: Tally = { cuts: 0, nested: 0, dropped: 0, refused: 0 };
  const random = new Random(seed);
  const clock = new ManualClock();
  const disk = new Disk();
  const member = new ScriptedMember(seed);
  const look = (): undefined => {
    const cut = POWER_CUTS[tally.cuts % POWER_CUTS.length]!;
    tally.cuts += 1;
    const where = `seed ${seed}, cut ${tally.cuts} (${cut})`;
    lookAfterCut(disk, cut, random, expectationOf(member), where, tally, tally.cuts % nestedEvery === 0);
    return undefined;
  };
  const storage = new DiskStorage(new MemoryFiles(disk, { clock, beforeCall: look }), { ...SMALL, clock });
  storage.open(IDENTITY);
  runMember(member, storage, clock, moves, random, look);
  return tally;
}

function lookAfterCut(
  disk: MemoryDisk,
  cut: PowerCut,
  random: Random,
  due: Expectation,
  where: string,
  tally: Tally,
  isNested: boolean,
): void {
  const after = disk.afterPowerCut(cut, random);
  const image = after.image();
  const first = mustRecover(after, due, where);
  if (first.droppedBytes > 0) tally.dropped += 1;
  // What was found once is found again: nothing of it hung on what was not durable.
  const second = mustRecover(after.afterPowerCut("lose-all", random), due, `${where}, again`);
  sameLog(first, second, where);
  if (!isNested) return;
  const inner = new Disk(image);
  recover(inner, ({ number }) => {
    tally.nested += 1;
    const manner = POWER_CUTS[number % POWER_CUTS.length]!;
    mustRecover(
      inner.afterPowerCut(manner, random),
      due,
      `${where}, cut off again at call ${number} (${manner})`,
    );
    return undefined;
  });
}

function mustRecover(disk: MemoryDisk, due: Expectation, where: string): Recovered {
  let found: Recovered;
  try {
    found = recover(disk);
  } catch (error) {
    throw new Error(`${where}: cannot start: ${String(error)}`, { cause: error });
  }
  const complaint = complaintAbout(found, due);
  if (complaint !== null) throw new Error(`${where}: ${complaint}`);
  return found;
}

function sameLog(first: Recovered, second: Recovered, where: string): void {
  const brief = ({ hardState, snapshot, entries }: Recovered): string =>
    JSON.stringify([hardState, snapshot?.metadata, entries.map(({ index, term }) => [index, term])]);
  if (brief(first) !== brief(second)) {
    throw new Error(`${where}: another start finds ${brief(second)} instead of ${brief(first)}`);
  }
}

/** Lets the member make its moves, with several steps under way at a time. */
function runMember(
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

/** A data directory as a run left it, and what must be found in it. */
export interface Remains {
  readonly image: ReadonlyMap<string, Uint8Array>;
  readonly due: Expectation;
  /** The same without the frame that was acknowledged last. */
  readonly dueWithoutLast: Expectation;
}

export function makeRemains({ seed, moves }: Run, end: "closed" | "cut off"): Remains {
  const clock = new ManualClock();
  const disk = new Disk();
  const member = new ScriptedMember(seed);
  const storage = new DiskStorage(new MemoryFiles(disk, { clock }), { ...SMALL, clock });
  storage.open(IDENTITY);
  // All steps of a frame are called back together, between two looks.
  const acknowledged = [0, 0];
  const look = (): void => {
    if (member.acknowledged !== acknowledged.at(-1)) acknowledged.push(member.acknowledged);
  };
  runMember(member, storage, clock, moves, new Random(seed), look);
  if (end === "closed") storage.close(() => {});
  clock.settle(look);
  look();
  // An older snapshot may stand in for a damaged one, with the log that leads on from it.
  const due = { ...expectationOf(member), acknowledgedSnapshot: 0 };
  return { image: disk.image(), due, dueWithoutLast: { ...due, acknowledged: acknowledged.at(-2)! } };
}

/**
 * Damages one place and starts. Allowed are: a refusal that names the damage, the same state, or, where the last batch
 * was never proved durable, the state without that batch.
 */
function lookAtDamage(
  image: ReadonlyMap<string, Uint8Array>,
  remains: Remains,
  where: string,
  tally: Tally,
): void {
  tally.cuts += 1;
  let found: Recovered;
  try {
    found = recover(new Disk(image));
  } catch (error) {
    if (!QuorateError.is(error, "ERR_CORRUPT"))
      throw new Error(`${where}: ${String(error)}`, { cause: error });
    tally.refused += 1;
    return;
  }
  if (complaintAbout(found, remains.due) === null) return;
  const complaint = complaintAbout(found, remains.dueWithoutLast);
  if (complaint !== null) throw new Error(`${where}: ${complaint}`);
  tally.dropped += 1;
}

/** `step` 1 flips every bit; a larger one flips every `step`th. */
export function flipBits(remains: Remains, step: number): Tally {
  const tally: Tally = { cuts: 0, nested: 0, dropped: 0, refused: 0 };
  for (const [path, bytes] of remains.image) {
    for (let bit = step % 7; bit < bytes.length * 8; bit += step) {
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      lookAtDamage(new Map(remains.image).set(path, damaged), remains, `bit ${bit} of ${path}`, tally);
    }
  }
  return tally;
}

export function truncateFiles(remains: Remains, step: number): Tally {
  const tally: Tally = { cuts: 0, nested: 0, dropped: 0, refused: 0 };
  for (const [path, bytes] of remains.image) {
    for (let length = 0; length < bytes.length; length += step) {
      const image = new Map(remains.image).set(path, bytes.slice(0, length));
      lookAtDamage(image, remains, `${path} cut to ${length} bytes`, tally);
    }
    const image = new Map(remains.image);
    image.delete(path);
    lookAtDamage(image, remains, `${path} removed`, tally);
  }
  return tally;
}

/** Zeros a sector at a time: what a disk does that forgets. */
export function zeroSectors(remains: Remains): Tally {
  const tally: Tally = { cuts: 0, nested: 0, dropped: 0, refused: 0 };
  for (const [path, bytes] of remains.image) {
    for (let offset = 0; offset < bytes.length; offset += 512) {
      const image = new Map(remains.image).set(path, bytes.slice().fill(0, offset, offset + 512));
      lookAtDamage(image, remains, `${path} zeroed at ${offset}`, tally);
    }
  }
  return tally;
}

/** Puts each sector of a file in the place of each other one. */
export function misplaceSectors(remains: Remains): Tally {
  const tally: Tally = { cuts: 0, nested: 0, dropped: 0, refused: 0 };
  const paths = [...remains.image.keys()].filter((path) => path.startsWith("wal/"));
  for (const from of paths) {
    for (const to of paths) {
      const source = remains.image.get(from)!;
      const target = remains.image.get(to)!;
      for (let at = 0; at < source.length; at += 512) {
        for (let place = 0; place < target.length; place += 512) {
          const damaged = target.slice();
          damaged.set(source.subarray(at, at + 512), place);
          const where = `sector ${at} of ${from} at ${place} of ${to}`;
          lookAtDamage(new Map(remains.image).set(to, damaged), remains, where, tally);
        }
      }
    }
  }
  return tally;
}

/** Fails the call with number `k`, for each k in the run; the storage stops, and the next start finds what was acknowledged. */
export function failEachCall({ seed, moves }: Run): Tally {
  const tally: Tally = { cuts: 0, nested: 0, dropped: 0, refused: 0 };
  for (let failing = 1; failOnce({ seed, moves }, failing, tally); failing++) {
    // Goes on until there is no call left to fail.
  }
  return tally;
}

/** False when the run has no call of that number. */
function failOnce({ seed, moves }: Run, failing: number, tally: Tally): boolean {
  const random = new Random(seed);
  const clock = new ManualClock();
  const disk = new Disk();
  const member = new ScriptedMember(seed);
  const failed: DiskCall[] = [];
  const beforeCall = (call: DiskCall): "fail" | undefined => {
    if (call.number === failing) failed.push(call);
    return call.number === failing ? "fail" : undefined;
  };
  const files = new MemoryFiles(disk, { clock, beforeCall });
  const storage = new DiskStorage(files, { ...SMALL, clock });
  try {
    storage.open(IDENTITY);
  } catch (error) {
    if (!QuorateError.is(error, "ERR_DISK")) throw error;
  }
  if (disk.owner !== null) runMember(member, storage, clock, moves, new Random(seed));
  const call = failed[0];
  if (call === undefined) return false;

  tally.cuts += 1;
  const where = `seed ${seed}, call ${failing}: ${call.operation} of ${call.path} failed`;
  if (member.failure !== null) {
    tally.refused += 1;
    mustHaveStopped(storage, clock, call, where);
  }
  files.halt();
  const due = expectationOf(member);
  mustRecover(new Disk(disk.image()), due, `${where}, started anew`);
  mustRecover(disk.afterPowerCut("sectors", random), due, `${where}, and the power was cut`);
  // The program starts anew on the same system, which may show what is not on the disk; then the power is cut.
  mustRecover(disk, due, `${where}, started anew`);
  mustRecover(disk.afterPowerCut("lose-all", random), due, `${where}, started anew, and the power was cut`);
  return true;
}

/** After a failed write or sync of the WAL every save fails. A snapshot that could not be written harms nothing else. */
function mustHaveStopped(storage: DiskStorage, clock: ManualClock, call: DiskCall, where: string): void {
  if (!call.path.startsWith("wal/")) return;
  let outcome: unknown = "no callback";
  const step = {
    hardState: null,
    entries: [],
    snapshot: null,
    mustSync: true,
    sendAfter: [],
    last: null,
    term: 1,
  };
  storage.save(step, (error) => {
    outcome = error;
  });
  clock.settle();
  const isRight = QuorateError.is(outcome, "ERR_DISK") && outcome.outcome === "unknown";
  if (!isRight) throw new Error(`${where}: a later save ended with ${String(outcome)}`);
}
