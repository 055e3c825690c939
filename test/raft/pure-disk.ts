import type { Entry } from "../../src/log/entry.ts";
import type { HardState, Save, SnapshotMetadata } from "../../src/raft/effects.ts";
import type { RaftState } from "../../src/raft/raft.ts";

/** What a member would find after a power cut. Saves are handed over in order and written one by one. */
export class PureDisk {
  hardState: HardState = { term: 0, vote: undefined, commit: 0 };
  snapshot: SnapshotMetadata | undefined;
  entries: Entry[] = [];
  /** Handed over and not written: a power cut loses them. */
  readonly waiting: Save[] = [];
  /** Up to this term entries may have been acknowledged here that a damage has taken. */
  lostTerm: number | undefined = undefined;
  /** What was durable here and is not any more. */
  readonly #lost: { readonly index: number; readonly term: number }[] = [];

  constructor(snapshot: SnapshotMetadata | undefined) {
    this.snapshot = snapshot;
  }

  /** Writes the oldest save; the caller may now tell the core. */
  write(): Save | undefined {
    const save = this.waiting.shift();
    if (save === undefined) return undefined;
    if (save.hardState !== undefined) this.hardState = save.hardState;
    if (save.snapshot !== undefined) {
      this.snapshot = save.snapshot;
      this.entries = [];
    }
    const first = save.entries[0];
    if (first !== undefined) {
      this.entries = [...this.entries.filter(({ index }) => index < first.index), ...save.entries];
    }
    return save;
  }

  /** The power is cut; the first `survivors` of the waiting saves were written all the same. */
  cut(survivors: number): void {
    for (let count = 0; count < survivors; count++) this.write();
    this.waiting.length = 0;
  }

  takeSnapshot(snapshot: SnapshotMetadata, keepFrom: number): void {
    this.snapshot = snapshot;
    this.entries = this.entries.filter(({ index }) => index >= keepFrom);
  }

  /**
   * Loses all but the first `kept` entries, or the snapshot besides, and knows it. Terms and votes lie elsewhere; a new
   * term is begun, so that no leader believes an acknowledgement from before.
   */
  damage(kept: number, losesSnapshot: boolean): void {
    this.waiting.length = 0;
    if (this.snapshot !== undefined) this.#lost.push(this.snapshot);
    this.#lost.push(...this.entries.slice(losesSnapshot ? 0 : kept));
    this.entries = losesSnapshot ? [] : this.entries.slice(0, kept);
    if (losesSnapshot) this.snapshot = undefined;
    const last = this.entries.at(-1)?.index ?? 0;
    const { term, commit } = this.hardState;
    const known = Math.max(last, this.snapshot?.index ?? 0);
    this.lostTerm = term;
    this.hardState = { term: term + 1, vote: undefined, commit: Math.min(commit, known) };
  }

  holds(index: number, term: number): boolean {
    if (this.#lost.some((entry) => entry.index === index && entry.term === term)) return true;
    if (this.snapshot !== undefined && index <= this.snapshot.index) return true;
    return this.entries.some((entry) => entry.index === index && entry.term === term);
  }

  recover(): RaftState {
    return {
      hardState: this.hardState,
      snapshot: this.snapshot,
      entries: this.entries,
      applied: this.snapshot?.index ?? 0,
      lostTerm: this.lostTerm,
    };
  }
}
