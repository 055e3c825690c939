import type { Entry, Index } from "../../../log/entry.ts";
import type { HardState, Save, SnapshotMetadata } from "../../../raft/effects.ts";
import type { RaftState } from "../../../raft/raft.ts";

/** A disk for cores alone: it keeps steps as they are, in the order in which they were handed over. */
export class CoreDisk {
  hardState: HardState = { term: 0, vote: undefined, commit: 0 };
  snapshot: SnapshotMetadata | undefined = undefined;
  /** Handed over and not written: a power cut loses them, or all but the first of them. */
  readonly waiting: Save[] = [];
  #entries: Entry[] = [];

  constructor(snapshot: SnapshotMetadata | null) {
    if (snapshot === null) return;
    this.snapshot = snapshot;
    this.hardState = { term: snapshot.term, vote: undefined, commit: snapshot.index };
  }

  /** Writes the oldest step. */
  write(): Save | undefined {
    const save = this.waiting.shift();
    if (save === undefined) return undefined;
    const { hardState, snapshot, entries } = save;
    if (hardState !== undefined) this.hardState = hardState;
    if (snapshot !== undefined) {
      this.snapshot = snapshot;
      this.#entries = [];
    }
    const [first] = entries;
    if (first === undefined) return save;
    const begin = this.#entries[0]?.index ?? first.index;
    this.#entries.length = Math.max(0, first.index - begin);
    for (let at = 0; at < entries.length; at++) this.#entries.push(entries[at]!);
    return save;
  }

  /** The power is cut when the first `survivors` of the waiting steps had been written. */
  cut(survivors: number): void {
    for (let count = 0; count < survivors; count++) this.write();
    this.waiting.length = 0;
  }

  takeSnapshot(snapshot: SnapshotMetadata, keepFrom: Index): void {
    this.snapshot = snapshot;
    const begin = this.#entries[0]?.index ?? keepFrom;
    if (keepFrom > begin) this.#entries.splice(0, keepFrom - begin);
  }

  recover(): RaftState {
    const { hardState, snapshot } = this;
    return { hardState, snapshot, entries: [...this.#entries], applied: snapshot?.index ?? 0 };
  }
}
