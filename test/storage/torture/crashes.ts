import { Random } from "../../../src/base/random.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk, POWER_CUTS, type PowerCut } from "../../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import type { Recovered } from "../../../src/storage/storage.ts";
import { ManualClock } from "../manual-clock.ts";
import { complaintAbout, type Expectation, expectationOf, IDENTITY, ScriptedMember } from "../script.ts";
import { type Run, recover, runMember, SMALL } from "./member-run.ts";
import type { Tally } from "./tally.ts";

/**
 * Lets a member run and cuts the power before each call to the disk and before each callback, in one manner after the
 * other, and looks at what the next start finds. One in `nestedEvery` of these starts is cut off in its turn, at each
 * of its own calls. Names and bytes are always lost apart from each other.
 */
export function crashEverywhere({ seed, moves }: Run, nestedEvery: number, tally: Tally): void {
  const random = new Random(seed);
  const clock = new ManualClock();
  const disk = new MemoryDisk();
  const member = new ScriptedMember(seed);
  let cuts = 0;
  const look = (): undefined => {
    const cut = POWER_CUTS[cuts % POWER_CUTS.length]!;
    cuts += 1;
    const where = `seed ${seed}, cut ${cuts} (${cut})`;
    new Aftermath(expectationOf(member), random, tally).look(disk, cut, where, cuts % nestedEvery === 0);
    return undefined;
  };
  const storage = new DiskStorage(new MemoryFiles(disk, { clock, beforeCall: look }), { ...SMALL, clock });
  storage.open(IDENTITY);
  runMember(member, storage, clock, moves, random, look);
}

class Aftermath {
  readonly #due: Expectation;
  readonly #random: Random;
  readonly #tally: Tally;

  constructor(due: Expectation, random: Random, tally: Tally) {
    this.#due = due;
    this.#random = random;
    this.#tally = tally;
  }

  look(disk: MemoryDisk, cut: PowerCut, where: string, isNested: boolean): void {
    const after = disk.afterPowerCut(cut, this.#random);
    const image = after.image();
    const first = this.#mustRecover(after, where);
    // What was found once is found again: nothing of it hung on what was not durable.
    const second = this.#mustRecover(after.afterPowerCut("lose-all", this.#random), `${where}, again`);
    if (first !== null && second !== null && briefly(first) !== briefly(second)) {
      this.#tally.fault("silent loss", `${where}: ${briefly(first)}, and then ${briefly(second)}`);
    }
    if (!isNested) return;
    const inner = new MemoryDisk(image);
    recover(inner, SMALL, ({ number }) => {
      const manner = POWER_CUTS[number % POWER_CUTS.length]!;
      const again = `${where}, cut off again at call ${number} (${manner})`;
      this.#mustRecover(inner.afterPowerCut(manner, this.#random), again);
      return undefined;
    });
  }

  #mustRecover(disk: MemoryDisk, where: string): Recovered | null {
    this.#tally.begin();
    const end = this.#tally.attempt(where, () => recover(disk));
    if ("error" in end) {
      // No power cut may leave anything that is refused.
      this.#tally.fault("silent loss", `${where}: cannot start: ${String(end.error)}`);
      return null;
    }
    const complaint = complaintAbout(end.value, this.#due);
    if (complaint !== null) this.#tally.fault("silent loss", `${where}: ${complaint}`);
    else if (end.value.droppedBytes > 0) this.#tally.dropped += 1;
    else this.#tally.intact += 1;
    return end.value;
  }
}

function briefly({ hardState, snapshot, entries }: Recovered): string {
  return JSON.stringify([hardState, snapshot?.metadata, entries.map(({ index, term }) => [index, term])]);
}
