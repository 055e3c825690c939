import { QuorateError } from "../../../src/base/errors.ts";
import type { OnCorruption } from "../../../src/storage/disk/disk-opening.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import type { Recovered } from "../../../src/storage/storage.ts";
import { ManualClock } from "../manual-clock.ts";
import { complaintAbout, type Expectation, IDENTITY, sameEntry } from "../script.ts";
import type { Damage } from "./damage.ts";
import { SMALL } from "./member-run.ts";
import type { Remains } from "./remains.ts";
import type { Tally } from "./tally.ts";

/**
 * Starts on each damaged directory with `repair-from-peers`. Allowed are: the same state; a refusal, where the manifest
 * or the hard state is hurt; or a repaired state: one that the member had once, which says that later ones may be
 * lost.
 */
export function repairAll(remains: Remains, damages: Iterable<Damage>, tally: Tally): void {
  for (const damage of damages) repair(remains, damage, tally);
}

function repair({ run, end, due, dueWithoutLast }: Remains, { where, image }: Damage, tally: Tally): void {
  tally.begin();
  const text = `seed ${run.seed}, ${end}, ${where}`;
  const disk = new MemoryDisk(image);
  const found = tally.attempt(text, () => open(disk, "repair-from-peers"));
  if ("error" in found) {
    if (QuorateError.is(found.error, "ERR_CORRUPT") || QuorateError.is(found.error, "ERR_INCOMPATIBLE"))
      tally.refused += 1;
    else if (QuorateError.is(found.error)) tally.fault("untyped error", `${text}: ${found.error.code}`);
    return;
  }
  const { value } = found;
  const isWhole = value.lostTerm === undefined && complaintAbout(value, due) === null;
  const lacksLast = end === "cut off" && complaintAbout(value, dueWithoutLast) === null;
  if (isWhole) tally.intact += 1;
  else if (value.lostTerm === undefined && lacksLast) tally.dropped += 1;
  else {
    const complaint = complaintAboutRepaired(value, due) ?? complaintAboutNextStart(disk, value);
    if (complaint === null) tally.repaired += 1;
    else tally.fault("silent loss", `${text}: ${complaint}`);
  }
}

function open(disk: MemoryDisk, onCorruption: OnCorruption): Recovered {
  const files = new MemoryFiles(disk, { clock: new ManualClock() });
  try {
    return new DiskStorage(files, { ...SMALL, clock: new ManualClock(), onCorruption }).open(IDENTITY);
  } finally {
    files.halt();
  }
}

/** Null when it is a state that the member had once, and says that later ones are lost. */
function complaintAboutRepaired(found: Recovered, due: Expectation): string | null {
  const { hardState, lostTerm } = found;
  const termMax = Math.max(...due.states.slice(0, due.acknowledged + 1).map((state) => state.hardState.term));
  if (lostTerm === undefined) return "something is lost, and nothing says so";
  if (lostTerm < termMax) return `term ${termMax} is forgotten, ${lostTerm} is taken for the last`;
  if (hardState.term !== lostTerm + 1 || hardState.vote !== undefined) return "no new term was begun";
  const index = found.snapshot?.metadata.index ?? 0;
  if (index !== 0 && !due.snapshots.some((each) => each.index === index))
    return `snapshot ${index} was never taken`;
  const last = found.entries.at(-1)?.index ?? index;
  if (hardState.commit > Math.max(last, index)) return `commit ${hardState.commit} of ${last} entries`;
  const entries = found.entries.filter((entry) => entry.index > index);
  const isKnown = due.states.some((state) => {
    const at = (place: number) => state.entries[place - state.base.index - 1];
    return entries.every((entry) => {
      const known = at(entry.index);
      return known !== undefined && sameEntry(entry, known);
    });
  });
  return isKnown ? null : "a log that never was";
}

/** What was repaired is whole: it needs no other repair, whatever the power does. */
function complaintAboutNextStart(disk: MemoryDisk, first: Recovered): string | null {
  const second = open(new MemoryDisk(disk.image()), "refuse");
  const isSame = JSON.stringify(brief(first)) === JSON.stringify(brief(second));
  return isSame ? null : `${JSON.stringify(brief(first))}, and then ${JSON.stringify(brief(second))}`;
}

function brief({ hardState, snapshot, entries, lostTerm }: Recovered) {
  return [hardState, snapshot?.metadata, entries.map(({ index, term }) => [index, term]), lostTerm];
}
