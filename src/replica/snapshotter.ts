import type { QuorateError } from "../base/errors.ts";
import { type Entry, entryBytes, type Index } from "../log/entry.ts";
import type { SnapshotMetadata } from "../raft/effects.ts";
import type { Raft } from "../raft/raft.ts";
import { isNoSpace } from "../storage/room.ts";
import type { SnapshotWriter, Storage } from "../storage/storage.ts";
import type { Applier } from "./applier.ts";
import type { ReplicaLimits } from "./options.ts";
import type { StateMachine } from "./state-machine.ts";

/** A finished snapshot, for those who watch the member. */
export interface SnapshotTaken {
  readonly index: Index;
  readonly bytes: number;
}

/**
 * Takes snapshots of the machine when the log has grown, and lets the log and the WAL forget what they cover. One
 * snapshot at a time, chunk by chunk, while the machine goes on applying.
 */
export class Snapshotter<Command, Result, Query, Answer> {
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #applier: Applier<Command, Result, Query, Answer>;
  readonly #storage: Storage;
  readonly #limits: ReplicaLimits;
  readonly #onTaken: (taken: SnapshotTaken) => void;
  readonly #onFailure: (error: QuorateError) => void;
  #newest: SnapshotMetadata | null;
  #entriesSince = 0;
  #bytesSince = 0;
  #writing: SnapshotWriter | null = null;
  #chunks: Iterator<Uint8Array> | null = null;

  constructor(
    parts: {
      readonly machine: StateMachine<Command, Result, Query, Answer>;
      readonly applier: Applier<Command, Result, Query, Answer>;
      readonly storage: Storage;
      readonly limits: ReplicaLimits;
      readonly onTaken: (taken: SnapshotTaken) => void;
      readonly onFailure: (error: QuorateError) => void;
    },
    newest: SnapshotMetadata | null,
  ) {
    this.#machine = parts.machine;
    this.#applier = parts.applier;
    this.#storage = parts.storage;
    this.#limits = parts.limits;
    this.#onTaken = parts.onTaken;
    this.#onFailure = parts.onFailure;
    this.#newest = newest;
  }

  /** The newest durable snapshot; the core names it to followers that are too far behind. */
  get newest(): SnapshotMetadata | null {
    return this.#newest;
  }

  /** Counts what was applied, and begins a snapshot when it is enough. */
  applied(entries: readonly Entry[], raft: Raft): void {
    this.#entriesSince += entries.length;
    for (const entry of entries) this.#bytesSince += entryBytes(entry);
    const { snapshotEntries, snapshotBytes } = this.#limits;
    if (this.#entriesSince >= snapshotEntries || this.#bytesSince >= snapshotBytes) this.take(raft);
  }

  /** Begins a snapshot of the present state, unless one is under way. */
  take(raft: Raft): void {
    const { index, term } = this.#applier;
    if (this.#writing !== null || index === 0 || index === this.#newest?.index) return;
    this.#entriesSince = 0;
    this.#bytesSince = 0;

    const metadata: SnapshotMetadata = { index, term, membership: raft.membership };
    const chunks = this.#machine.snapshot()[Symbol.iterator]();
    const writer = this.#storage.createSnapshot({ metadata, context: this.#applier.context() });
    this.#writing = writer;
    this.#chunks = chunks;
    this.#writeNext(writer, chunks, { index, bytes: 0 }, () => this.#committed(metadata, raft));
  }

  /** A leader's snapshot has replaced the state: it is the newest now. */
  installed(metadata: SnapshotMetadata): void {
    this.#newest = metadata;
    this.#entriesSince = 0;
    this.#bytesSince = 0;
  }

  stop(): void {
    this.#writing?.abort();
    this.#writing = null;
    this.#chunks?.return?.();
  }

  #writeNext(
    writer: SnapshotWriter,
    chunks: Iterator<Uint8Array>,
    written: SnapshotTaken,
    committed: () => void,
  ): void {
    if (this.#writing !== writer) return; // Stopped meanwhile.
    const next = chunks.next();
    if (next.done === true) {
      writer.commit((error) => {
        if (this.#writing !== writer) return;
        this.#writing = null;
        if (error !== null) return this.#failed(error);
        committed();
        this.#onTaken(written);
      });
      return;
    }
    const bytes = written.bytes + next.value.length;
    writer.write(next.value, (error) => {
      if (error !== null) return this.#failed(error);
      this.#writeNext(writer, chunks, { ...written, bytes }, committed);
    });
  }

  /** A full disk is no fault: another snapshot will be due, and what a storage cannot do at all it says of its saves. */
  #failed(error: QuorateError): void {
    this.#writing = null;
    this.#chunks?.return?.();
    if (!isNoSpace(error)) this.#onFailure(error);
  }

  #committed(metadata: SnapshotMetadata, raft: Raft): void {
    if (this.#newest !== null && metadata.index <= this.#newest.index) return;
    this.#newest = metadata;
    const index = metadata.index - this.#limits.trailingEntries;
    if (index <= 0) return;
    raft.compactTo(index);
    this.#storage.compactTo(index);
  }
}
