import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Entry, entryBytes } from "../../src/log/entry.ts";
import { Log } from "../../src/log/log.ts";

const BEGINNING = { index: 0, term: 0 };

/** Entries with the given terms, the first at `from`. */
function entries(terms: readonly number[], from = 1, bytes = 0): Entry[] {
  return terms.map((term, at) => ({ index: from + at, term, kind: "command", data: new Uint8Array(bytes) }));
}

function logOf(terms: readonly number[], committed = 0, applied = 0, budget = Number.POSITIVE_INFINITY): Log {
  return new Log({ base: BEGINNING, entries: entries(terms), committed, applied }, budget);
}

const ascendingTerms = fc.array(fc.nat(2), { maxLength: 20 }).map((steps) => {
  let term = 1;
  return steps.map((step) => {
    term += step;
    return term;
  });
});

describe("a log", () => {
  it("knows the term of every entry it holds, of the one before, and of no other", () => {
    fc.assert(
      fc.property(ascendingTerms, fc.nat(20), (terms, compacted) => {
        const to = Math.min(compacted, terms.length);
        const log = logOf(terms, terms.length, terms.length);
        log.compactTo(to);
        for (let index = 0; index <= terms.length + 1; index++) {
          const isKnown = index >= to && index <= terms.length;
          expect(log.termAt(index)).toBe(isKnown ? (terms[index - 1] ?? 0) : undefined);
        }
        expect(log.last).toEqual({ index: terms.length, term: terms.at(-1) ?? 0 });
      }),
    );
  });

  it("equals the leader's log up to the end of what was appended (5.3)", () => {
    fc.assert(
      fc.property(ascendingTerms, ascendingTerms, fc.nat(20), (ours, theirs, at) => {
        const from = Math.min(at, ours.length, theirs.length);
        fc.pre(ours.slice(0, from).every((term, place) => term === theirs[place]));
        const log = logOf(ours);
        const sent = entries(theirs.slice(from), from + 1);
        const conflict = log.findConflict(sent);
        if (conflict >= 0) log.append(sent.slice(conflict));
        for (let index = 1; index <= theirs.length; index++)
          expect(log.termAt(index)).toBe(theirs[index - 1]);
        if (conflict < 0) expect(log.lastIndex).toBe(ours.length);
        else expect(log.lastIndex).toBe(theirs.length);
      }),
    );
  });

  it("finds the highest place where a log of at most that term may agree", () => {
    fc.assert(
      fc.property(ascendingTerms, fc.nat(25), fc.nat(60), (terms, at, term) => {
        const index = Math.min(at, terms.length);
        const { index: found } = logOf(terms).findAgreement(index, term);
        expect(found).toBeLessThanOrEqual(index);
        if (found > 0) expect(terms[found - 1]).toBeLessThanOrEqual(term);
        for (const later of terms.slice(found, index)) expect(later).toBeGreaterThan(term);
      }),
    );
  });

  it("says that the place is unknown when it looks below what was compacted", () => {
    const log = logOf([1, 2, 3, 3], 4, 4);
    log.compactTo(2);
    expect(log.findAgreement(4, 1)).toEqual({ index: 1, term: 0 });
    expect(log.findAgreement(4, 2)).toEqual({ index: 2, term: 2 });
  });

  it("lets a candidate lead that has a later last term, or the same and at least as many entries (5.4.1)", () => {
    const log = logOf([1, 2, 2]);
    expect(log.isUpToDate({ index: 1, term: 3 })).toBe(true);
    expect(log.isUpToDate({ index: 3, term: 2 })).toBe(true);
    expect(log.isUpToDate({ index: 2, term: 2 })).toBe(false);
    expect(log.isUpToDate({ index: 9, term: 1 })).toBe(false);
  });

  it("never lowers its commit index and never replaces what is committed", () => {
    const log = logOf([1, 1, 1]);
    log.commitTo(2);
    log.commitTo(1);
    expect(log.committed).toBe(2);
    expect(() => log.append(entries([2], 2))).toThrow("committed");
    expect(() => log.commitTo(4)).toThrow("beyond the last entry");
  });

  it("refuses a gap", () => {
    expect(() => logOf([1]).append(entries([1], 3))).toThrow("gap");
  });
});

describe("the entries on their way to the disk", () => {
  it("are handed out once, and again from where the log was cut", () => {
    const log = logOf([]);
    log.append(entries([1, 1, 1]));
    expect(log.takeUnsaved()).toHaveLength(3);
    expect(log.hasUnsaved).toBe(false);
    log.append(entries([2], 2));
    expect(log.takeUnsaved()).toEqual(entries([2], 2));
    expect(log.lastIndex).toBe(2);
  });

  it("count as saved only if they are still what the log holds there", () => {
    const log = logOf([]);
    log.append(entries([1, 1]));
    log.takeUnsaved();
    log.append(entries([2], 2));
    log.takeUnsaved();
    expect(log.savedTo({ index: 2, term: 1 })).toBe("replaced");
    expect(log.saved).toBe(0);
    expect(log.savedTo({ index: 2, term: 2 })).toBe("saved");
    expect(log.saved).toBe(2);
    expect(log.savedTo({ index: 2, term: 2 })).toBe("missing");
    expect(log.savedTo({ index: 3, term: 2 })).toBe("missing");
  });

  it("are not saved any more once they are cut off", () => {
    const log = logOf([1, 1, 1]);
    expect(log.saved).toBe(3);
    log.append(entries([2], 2));
    expect([log.saved, log.saving]).toEqual([1, 1]);
  });
});

describe("the entries to be applied", () => {
  it("are committed, saved, in order, and handed out once, within the budget", () => {
    const budget = 3 * entryBytes(entries([1])[0]!);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat(3), { minLength: 1, maxLength: 60 }),
        (count, steps) => {
          const log = logOf([], 0, 0, budget);
          log.append(entries(new Array<number>(count).fill(1)));
          const seen: number[] = [];
          for (const step of [...steps, ...new Array<number>(count * 4).fill(0).map((_, at) => at % 4)]) {
            if (step === 0) log.commitTo(Math.min(log.committed + 5, count));
            if (step === 1)
              log.savedTo({ index: log.takeUnsaved().length === 0 ? log.lastIndex : count, term: 1 });
            if (step === 2) seen.push(...log.takeUnapplied(false).map(({ index }) => index));
            if (step === 3) log.appliedTo(log.applying);
            expect(log.applyingBytes).toBeLessThanOrEqual(budget);
            expect(log.applying).toBeLessThanOrEqual(Math.min(log.committed, log.saved));
          }
          expect(seen).toEqual(seen.map((_, at) => at + 1));
        },
      ),
    );
  });

  it("are never nothing when there is something: one entry may be larger than the budget", () => {
    const log = logOf([1, 1], 2, 0, 1);
    expect(log.takeUnapplied(false)).toHaveLength(1);
    expect(log.takeUnapplied(false)).toHaveLength(0);
    log.appliedTo(1);
    expect(log.takeUnapplied(false)).toHaveLength(1);
  });

  it("end before a change of membership until the disk knows that it is committed", () => {
    const change = { ...entries([1, 1])[1]!, kind: "membership" } as const;
    const log = new Log(
      {
        base: { index: 0, term: 0 },
        entries: [entries([1])[0]!, change, ...entries([1], 3)],
        committed: 0,
        applied: 0,
      },
      Number.POSITIVE_INFINITY,
    );
    log.commitTo(3);
    expect(log.holdChanges(0)).toBe(true);
    expect(log.takeUnapplied(false).map(({ index }) => index)).toEqual([1]);
    log.releaseChanges(1);
    expect(log.hasUnapplied(false)).toBe(false);
    log.releaseChanges(2);
    expect(log.takeUnapplied(false).map(({ index }) => index)).toEqual([2, 3]);
    expect(log.holdChanges(2)).toBe(false);
  });

  it("may be ahead of the disk for hosts that save before they apply", () => {
    const log = logOf([]);
    log.append(entries([1]));
    log.commitTo(1);
    expect(log.takeUnapplied(false)).toHaveLength(0);
    expect(log.takeUnapplied(true)).toHaveLength(1);
  });
});

describe("a snapshot in place of the log", () => {
  it("holds back everything else until it is saved and restored", () => {
    const log = logOf([1, 1]);
    log.restore({ index: 9, term: 4 });
    expect(log.last).toEqual({ index: 9, term: 4 });
    expect(log.committed).toBe(9);
    log.append(entries([4], 10));
    log.commitTo(10);
    log.savedTo({ index: 10, term: 4 });
    expect(log.takeUnapplied(false)).toHaveLength(0);
    log.restoredTo(9);
    expect(log.applied).toBe(9);
    expect(log.takeUnapplied(false)).toEqual(entries([4], 10));
  });

  it("is refused when it is older than what is committed", () => {
    expect(() => logOf([1, 1], 2, 2).restore({ index: 2, term: 1 })).toThrow("older");
  });
});

describe("compaction", () => {
  it("stops at what is applied and saved", () => {
    const log = logOf([1, 1, 1], 2, 2);
    expect(() => log.compactTo(3)).toThrow("cannot be compacted");
    log.compactTo(2);
    log.compactTo(1);
    expect(log.firstIndex).toBe(3);
    expect(log.slice(3, 3, 1)).toEqual(entries([1], 3));
  });
});
