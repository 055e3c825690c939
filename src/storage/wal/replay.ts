import { MalformedBytes } from "../../base/bytes.ts";
import { type Entry, type EntryId, entryMemory, type Index } from "../../log/entry.ts";
import type { HardState } from "../../raft/effects.ts";
import { readRecords, type WalRecord } from "./record.ts";

export const NO_HARD_STATE: HardState = { term: 0, vote: undefined, commit: 0 };

/** How much memory is spent on entries that a snapshot covers: they only spare a follower that lags a little a snapshot. */
const COVERED_BYTES_MAX = 1024 * 1024;

/** What the frames of a WAL amount to, taken in one after the other. */
export class Replay {
  hardState: HardState = NO_HARD_STATE;
  /** Without gaps; begins where the oldest segment that is left begins, or at some entry that the snapshot covers. */
  entries: Entry[] = [];
  /** The snapshot after which the log began anew, if it did so within the frames seen. */
  restart: EntryId | null = null;
  readonly #snapshotIndex: Index;
  #coveredBytes = 0;

  /** Of the entries below `snapshotIndex` only the last ones are kept, so that a start needs no memory for the others. */
  constructor(snapshotIndex: Index = 0) {
    this.#snapshotIndex = snapshotIndex;
  }

  /** Throws `MalformedBytes` when the records, whole as they are, make no log. */
  take(hardState: HardState, body: Uint8Array): void {
    for (const record of readRecords(body)) this.takeRecord(record);
    this.hardState = hardState;
  }

  /** The commit index alone may have moved after the last frame. */
  raiseCommit(commit: Index): void {
    this.hardState = { ...this.hardState, commit: Math.max(this.hardState.commit, commit) };
  }

  takeRecord(record: WalRecord): void {
    if (record.kind === "restart") {
      this.entries = [];
      this.restart = record.after;
    } else {
      this.#takeEntry(record.entry);
    }
  }

  /** An entry replaces what the log held from its index on. */
  #takeEntry(entry: Entry): void {
    const first = this.entries[0];
    const next = first === undefined ? this.#nextOfEmpty(entry) : first.index + this.entries.length;
    if (entry.index > next) throw new MalformedBytes(`entry ${entry.index} where ${next} is due`);

    // The log may go back to before its first entry: the segment with the earlier ones is gone, but these were
    // replaced before they were committed.
    this.entries.length = first === undefined ? 0 : Math.max(0, entry.index - first.index);
    this.entries.push(entry);
    if (entry.index <= this.#snapshotIndex) this.#dropCovered(entry);
  }

  /** Drops half of what is covered, once that is too much; never the entry that was taken last. */
  #dropCovered(newest: Entry): void {
    this.#coveredBytes += entryMemory(newest);
    if (this.#coveredBytes <= COVERED_BYTES_MAX) return;
    let first = this.entries.length - 1;
    let bytes = entryMemory(newest);
    while (first > 0 && bytes <= COVERED_BYTES_MAX / 2) bytes += entryMemory(this.entries[--first]!);
    this.entries.splice(0, first);
    this.#coveredBytes = bytes;
  }

  /** Where older segments are gone, the first entry that is left says where the log begins. */
  #nextOfEmpty(entry: Entry): number {
    return this.restart === null ? entry.index : this.restart.index + 1;
  }
}
