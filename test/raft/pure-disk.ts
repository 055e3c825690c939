import type { Entry } from "../../src/log/entry.ts";
import type { HardState, Save, SnapshotMetadata } from "../../src/raft/effects.ts";
import type { RaftState } from "../../src/raft/raft.ts";

/** What a member would find after a power cut. Saves are handed over in order and written one by one. */
export class PureDisk {
  hardState: HardState = { term: 0, vote: null, commit: 0 };
  snapshot: SnapshotMetadata | null;
  entries: Entry[] = [];
  /** Handed over and not written: a power cut loses them. */
  readonly waiting: Save[] = [];

  constructor(snapshot: SnapshotMetadata | null) {
    this.snapshot = snapshot;
  }

  /** Writes the oldest save; the caller may now tell the core. */
  write(): Save | undefined {
    const save = this.waiting.shift();
    if (save === undefined) return undefined;
    if (save.hardState !== null) this.hardState = save.hardState;
    if (save.snapshot !== null) {
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

  holds(index: number, term: number): boolean {
    if (this.snapshot !== null && index <= this.snapshot.index) return true;
    return this.entries.some((entry) => entry.index === index && entry.term === term);
  }

  recover(): RaftState {
    return {
      hardState: this.hardState,
      snapshot: this.snapshot,
      entries: this.entries,
      applied: this.snapshot?.index ?? 0,
    };
  }
}
