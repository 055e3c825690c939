import { assert } from "../base/assert.ts";
import { type Entry, type EntryId, entryBytes, type Index, type Term } from "./entry.ts";

/** What a log begins with. */
export interface LogState {
  /** The entry just before the first of `entries`: known by its id only. */
  readonly base: EntryId;
  readonly entries: readonly Entry[];
  readonly committed: Index;
  readonly applied: Index;
}

/** What became of the news that the disk holds an entry. */
export type SavedNews =
  /** The entry and all before it are saved. */
  | "saved"
  /** Nothing waits at that place: it was reported before, or the log was cut meanwhile. */
  | "missing"
  /** It is the place of a snapshot that itself is not saved yet. */
  | "restoring"
  /** Another entry took its place meanwhile: what the disk holds is outdated. */
  | "replaced";

/**
 * The replicated log as one member knows it: every entry since the last compaction, in one array, and the cursors that
 * move over it. Nothing here touches a disk.
 *
 * 1. `base <= applied <= applying <= committed <= last`, but while a snapshot is being restored.
 * 2. `saved <= saving <= last`. Entries up to `saved` survive a power cut, up to `saving` they are on their way to the disk.
 * 3. `committed` never goes back, and no entry up to it is ever replaced.
 */
export class Log {
  #base: EntryId;
  readonly #entries: Entry[];
  #committed: Index;
  #applying: Index;
  #applied: Index;
  #saving: Index;
  #saved: Index;
  /** The snapshot that replaced the log and is not saved yet. */
  #restoring: EntryId | undefined = undefined;
  /** What was handed out and not reported as applied, and how much of that there may be. */
  #applyingBytes = 0;
  readonly #applyingBytesMax: number;
  /** A committed change of membership that is held back, and all after it with it. */
  #heldFrom: Index = Number.POSITIVE_INFINITY;
  /** Set when a hand-out stopped at the budget: the next one waits until something is applied. */
  #isApplyPaused = false;

  /**
   * Restores a log whose entries are all saved. At most `applyingBytesMax` bytes are handed out to be applied
   * at once.
   */
  constructor(state: LogState, applyingBytesMax: number) {
    this.#base = state.base;
    this.#entries = [...state.entries];
    this.#saved = this.lastIndex;
    this.#saving = this.lastIndex;
    this.#committed = state.committed;
    this.#applied = state.applied;
    this.#applying = state.applied;
    this.#applyingBytesMax = applyingBytesMax;

    assert(
      this.#entries.every((entry, at) => entry.index === state.base.index + 1 + at),
      "the entries of a log follow its base without a gap",
    );
    assert(state.committed <= this.lastIndex, () => {
      return `commit ${state.committed} is beyond the last entry ${this.lastIndex}`;
    });
    assert(state.base.index <= state.applied && state.applied <= state.committed, () => {
      return `applied ${state.applied} is outside of ${state.base.index}..${state.committed}`;
    });
  }

  /** The entry before the first: the newest one that was compacted away. */
  get base(): EntryId {
    return this.#base;
  }

  /** The index of the oldest entry that is kept; one above `lastIndex` if none is. */
  get firstIndex(): Index {
    return this.#base.index + 1;
  }

  /** The index of the newest entry, or of `base` if the log is empty. */
  get lastIndex(): Index {
    return this.#base.index + this.#entries.length;
  }

  /** The term of the newest entry, or of `base` if the log is empty. */
  get lastTerm(): Term {
    return this.#entries.length === 0 ? this.#base.term : this.#entries[this.#entries.length - 1]!.term;
  }

  /** Index and term of the newest entry, or `base` if the log is empty. */
  get last(): EntryId {
    return { index: this.lastIndex, term: this.lastTerm };
  }

  /** The highest index known to be committed (Raft figure 2: commitIndex). */
  get committed(): Index {
    return this.#committed;
  }

  /** Handed out to be applied. */
  get applying(): Index {
    return this.#applying;
  }

  /** The highest index reported as applied (Raft figure 2: lastApplied). */
  get applied(): Index {
    return this.#applied;
  }

  /** Handed out to be saved. */
  get saving(): Index {
    return this.#saving;
  }

  /** The highest index that would survive a power cut. */
  get saved(): Index {
    return this.#saved;
  }

  /** The snapshot that replaced the log and is not restored yet; undefined if there is none. */
  get restoring(): EntryId | undefined {
    return this.#restoring;
  }

  /** Bytes of the entries handed out to be applied and not reported yet. */
  get applyingBytes(): number {
    return this.#applyingBytes;
  }

  /** The term of the entry at `index`, or null when it was compacted away or is not there yet. */
  termAt(index: Index): Term | undefined {
    if (index === this.#base.index) return this.#base.term;
    if (index < this.#base.index || index > this.lastIndex) return undefined;
    return this.#entries[index - this.#base.index - 1]!.term;
  }

  matches(id: EntryId): boolean {
    return this.termAt(id.index) === id.term;
  }

  entryAt(index: Index): Entry {
    const entry = this.#entries[index - this.#base.index - 1];
    assert(entry !== undefined, () => `entry ${index} is not in ${this.firstIndex}..${this.lastIndex}`);
    return entry;
  }

  /** The entries from `from` to `to`, both included, cut to `bytesMax` but never to nothing. */
  slice(from: Index, to: Index, bytesMax: number): Entry[] {
    assert(from > this.#base.index && to <= this.lastIndex, () => {
      return `${from}..${to} is not within ${this.firstIndex}..${this.lastIndex}`;
    });
    const offset = this.#base.index + 1;
    return this.#entries.slice(from - offset, this.#cut(from, to, bytesMax) - offset + 1);
  }

  /** Whether a log ending in `theirs` holds all that a majority may have agreed on, as far as ours can tell (5.4.1). */
  isUpToDate(theirs: EntryId): boolean {
    const ourTerm = this.lastTerm;
    return theirs.term > ourTerm || (theirs.term === ourTerm && theirs.index >= this.lastIndex);
  }

  /** The position in `entries` of the first one that this log does not hold, or -1 when it holds them all. */
  findConflict(entries: readonly Entry[]): number {
    for (let at = 0; at < entries.length; at++) {
      if (!this.matches(entries[at]!)) return at;
    }
    return -1;
  }

  /**
   * The last place, from `index` down, where a log whose entry there has at most `term` may still be equal to ours.
   * Its term is 0 when it lies beyond what we know.
   */
  findAgreement(index: Index, term: Term): EntryId {
    for (let at = index; at > 0; at--) {
      const ours = this.termAt(at);
      if (ours === undefined) return { index: at, term: 0 };
      if (ours <= term) return { index: at, term: ours };
    }
    return { index: 0, term: 0 };
  }

  /** Adds entries, which replace what the log holds from the first of them on (5.3). */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index > this.#committed, () => `entry ${first.index} is committed and cannot be replaced`);
    assert(
      first.index <= this.lastIndex + 1,
      () => `entry ${first.index} leaves a gap after ${this.lastIndex}`,
    );

    if (first.index <= this.lastIndex) this.#truncate(first.index - 1);
    for (let at = 0; at < entries.length; at++) this.#entries.push(entries[at]!);
  }

  /** Raises the commit index; a lower one is old news. */
  commitTo(index: Index): void {
    if (index <= this.#committed) return;
    assert(index <= this.lastIndex, () => `commit ${index} is beyond the last entry ${this.lastIndex}`);
    this.#committed = index;
  }

  /**
   * Holds back the changes of membership that were committed after `index`, until the disk knows that they are. True when
   * there are any.
   */
  holdChanges(index: Index): boolean {
    const change = this.#changeAfter(index);
    this.#heldFrom = Math.min(this.#heldFrom, change);
    return change <= this.#committed;
  }

  /** Told that the disk knows of everything up to `index` that it is committed. */
  releaseChanges(index: Index): void {
    if (index >= this.#heldFrom) this.#heldFrom = this.#changeAfter(index);
  }

  /** Whether entries exist that were not handed out to be saved. */
  get hasUnsaved(): boolean {
    return this.#saving < this.lastIndex;
  }

  /** The entries that are not on their way to the disk yet. From now on they are. */
  takeUnsaved(): Entry[] {
    const entries = this.#entries.slice(this.#saving - this.#base.index);
    this.#saving = this.lastIndex;
    return entries;
  }

  /**
   * Told that the disk holds the entry. Only if it is still the entry that we hold there do we believe that all before
   * it are saved: an older write may have finished whose entries were replaced since.
   */
  savedTo(id: EntryId): SavedNews {
    if (id.index <= this.#saved || id.index > this.lastIndex) {
      return this.#restoring?.index === id.index ? "restoring" : "missing";
    }
    if (!this.matches(id)) return "replaced";
    this.#saved = id.index;
    this.#saving = Math.max(this.#saving, id.index);
    return "saved";
  }

  hasUnapplied(applyUnsaved: boolean): boolean {
    return (
      !this.#isApplyPaused && this.#restoring === undefined && this.#applying < this.#appliable(applyUnsaved)
    );
  }

  /** The committed entries that come next, within the budget. They count as being applied until `appliedTo`. */
  takeUnapplied(applyUnsaved: boolean): Entry[] {
    if (!this.hasUnapplied(applyUnsaved)) return [];
    const to = this.#appliable(applyUnsaved);
    const entries = this.slice(this.#applying + 1, to, this.#applyingBytesMax - this.#applyingBytes);
    this.#applying += entries.length;
    this.#applyingBytes += sumBytes(entries, 0, entries.length);
    this.#isApplyPaused = this.#applyingBytes >= this.#applyingBytesMax || this.#applying < to;
    return entries;
  }

  /** Told that everything up to `index` is applied. Returns the bytes that this frees. */
  appliedTo(index: Index): number {
    if (index <= this.#applied) return 0;
    assert(index <= this.#committed, () => `entry ${index} is applied but not committed`);
    const from = Math.max(this.#applied, this.#base.index) - this.#base.index;
    const freed = sumBytes(this.#entries, from, index - this.#base.index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - freed);
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    this.#isApplyPaused = this.#applyingBytes >= this.#applyingBytesMax;
    return freed;
  }

  /** Forgets the entries up to `index`, which a snapshot covers. */
  compactTo(index: Index): void {
    if (index <= this.#base.index) return;
    assert(index <= this.#applied && index <= this.#saved, () => {
      return `entry ${index} cannot be compacted before it is applied (${this.#applied}) and saved (${this.#saved})`;
    });
    const term = this.termAt(index)!;
    this.#entries.splice(0, index - this.#base.index);
    this.#base = { index, term };
  }

  /** Replaces the whole log by a snapshot, which has to be saved and restored before anything is applied again. */
  restore(snapshot: EntryId): void {
    assert(
      snapshot.index > this.#committed,
      () => `snapshot ${snapshot.index} is older than our commit index`,
    );
    this.#entries.length = 0;
    this.#base = { index: snapshot.index, term: snapshot.term };
    this.#committed = snapshot.index;
    this.#saving = snapshot.index;
    this.#saved = snapshot.index;
    this.#restoring = this.#base;
    this.#heldFrom = Number.POSITIVE_INFINITY;
  }

  /** Told that the snapshot up to `index` is saved and restored. */
  restoredTo(index: Index): void {
    if (this.#restoring?.index === index) this.#restoring = undefined;
    if (index > this.#applied) {
      this.#applyingBytes = 0;
      this.appliedTo(index);
    }
  }

  /** What the entries after `index` weigh. */
  bytesAfter(index: Index): number {
    return sumBytes(this.#entries, Math.max(index - this.#base.index, 0), this.#entries.length);
  }

  #appliable(applyUnsaved: boolean): Index {
    const last = Math.min(this.#committed, this.#heldFrom - 1);
    return applyUnsaved ? last : Math.min(last, this.#saved);
  }

  /** The first change of membership that is committed after `index`; infinite when there is none. */
  #changeAfter(index: Index): Index {
    const offset = this.#base.index + 1;
    for (let at = Math.max(index + 1, offset); at <= this.#committed; at++) {
      if (this.#entries[at - offset]!.kind === "membership") return at;
    }
    return Number.POSITIVE_INFINITY;
  }

  /** How far from `from` on the bytes suffice; at least to `from` itself, or nothing could ever move. */
  #cut(from: Index, to: Index, bytesMax: number): Index {
    if (bytesMax === Number.POSITIVE_INFINITY) return to;
    const offset = this.#base.index + 1;
    let bytes = 0;
    for (let index = from; index <= to; index++) {
      bytes += entryBytes(this.#entries[index - offset]!);
      if (bytes > bytesMax) return Math.max(from, index - 1);
    }
    return to;
  }

  #truncate(last: Index): void {
    this.#entries.length = last - this.#base.index;
    this.#saved = Math.min(this.#saved, last);
    this.#saving = Math.min(this.#saving, last);
  }
}

function sumBytes(entries: readonly Entry[], from: number, to: number): number {
  let bytes = 0;
  for (let at = from; at < to; at++) bytes += entryBytes(entries[at]!);
  return bytes;
}
