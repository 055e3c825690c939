import type { Clock } from "../../base/clock.ts";
import type { QuorateError } from "../../base/errors.ts";
import { type Entry, entryBytes, entryMemory, type Index } from "../../log/entry.ts";
import type { SnapshotMetadata } from "../../raft/effects.ts";
import type { Raft } from "../../raft/raft.ts";
import { isNoSpace } from "../../storage/layout/disk-reserve.ts";
import type { SnapshotWriter, Storage } from "../../storage/storage.ts";
import type { Applier } from "../apply/applier.ts";
import { machineError } from "../failure.ts";
import type { ReplicaLimits } from "../options.ts";
import { SnapshotPieces } from "../peers/snapshot-pieces.ts";
import { StateChunks } from "../state-chunks.ts";
import type { StateMachine } from "../state-machine.ts";

/**
 * A state that is larger than `snapshotBytes` is written again only once the log since holds this share of it. Otherwise
 * a store of many keys would write all of them for each few that change. In memory the log never takes more than the state
 * does on the disk.
 */
const LARGE_STATE_SHARE = 1 / 4;

/** What the entries that are kept behind a snapshot may take, as a share of what brings the next one about. */
const TRAILING_SHARE = 1 / 8;

/** A finished snapshot, for those who watch the member. */
export interface SnapshotTaken {
  readonly index: Index;
  readonly bytes: number;
}

/**
 * Takes snapshots of the machine when the log has grown, and lets the log and the WAL forget what they cover. One
 * snapshot at a time, piece by piece, while the machine goes on applying.
 */
export class Snapshotter<Command, Result, Query, Answer> {
  readonly #machine: StateMachine<Command, Result, Query, Answer>;
  readonly #clock: Clock;
  readonly #applier: Applier<Command, Result, Query, Answer>;
  readonly #storage: Storage;
  readonly #limits: ReplicaLimits;
  readonly #onTaken: (taken: SnapshotTaken) => void;
  readonly #onFailure: (error: QuorateError) => void;
  #newest: SnapshotMetadata | undefined;
  /** How much the last snapshot held that this process took; 0 before there is one. */
  #newestBytes = 0;
  #entriesSince = 0;
  #bytesSince = 0;
  /** What the log has grown by in memory, where small entries weigh many times as much as on the disk. */
  #memorySince = 0;
  #writing: SnapshotWriter | null = null;
  #pieces: SnapshotPieces | null = null;
  #isStopped = false;

  constructor(
    parts: {
      readonly machine: StateMachine<Command, Result, Query, Answer>;
      readonly clock: Clock;
      readonly applier: Applier<Command, Result, Query, Answer>;
      readonly storage: Storage;
      readonly limits: ReplicaLimits;
      /** What part of the way to its first snapshot a start begins at: another on each member. */
      readonly headStart: number;
      readonly onTaken: (taken: SnapshotTaken) => void;
      readonly onFailure: (error: QuorateError) => void;
    },
    newest: SnapshotMetadata | undefined,
  ) {
    this.#machine = parts.machine;
    this.#clock = parts.clock;
    this.#applier = parts.applier;
    this.#storage = parts.storage;
    this.#limits = parts.limits;
    this.#onTaken = parts.onTaken;
    this.#onFailure = parts.onFailure;
    this.#newest = newest;
    // Members that count alike would all write their states at once, when a majority should be quick to agree.
    this.#entriesSince = Math.floor(parts.limits.snapshotEntries * parts.headStart);
  }

  /** The newest durable snapshot; the core names it to followers that are too far behind. */
  get newest(): SnapshotMetadata | undefined {
    return this.#newest;
  }

  /** Counts what was applied, and begins a snapshot when it is enough. */
  applied(entries: readonly Entry[], raft: Raft): void {
    this.#entriesSince += entries.length;
    for (const entry of entries) {
      this.#bytesSince += entryBytes(entry);
      this.#memorySince += entryMemory(entry);
    }
    if (this.#isDue()) this.take(raft);
  }

  /** Begins a snapshot of the present state, unless one is under way. */
  take(raft: Raft): void {
    const { index, term } = this.#applier;
    if (this.#isStopped || this.#writing !== null || index === 0 || index === this.#newest?.index) return;
    this.#entriesSince = 0;
    this.#bytesSince = 0;
    this.#memorySince = 0;

    const metadata: SnapshotMetadata = { index, term, membership: raft.membership };
    const pieces = this.#begunPieces();
    if (pieces === null) return;
    const writer = this.#storage.createSnapshot({ metadata, context: this.#applier.context() });
    this.#writing = writer;
    this.#pieces = pieces;
    this.#writeNext(writer, pieces, { index, bytes: 0 }, () => this.#committed(metadata, raft));
  }

  #begunPieces(): SnapshotPieces | null {
    try {
      return new SnapshotPieces(new StateChunks(this.#machine), this.#clock);
    } catch (cause) {
      this.#onFailure(machineError("snapshot", cause));
      return null;
    }
  }

  /** A leader's snapshot has replaced the state: it is the newest now. */
  installed(metadata: SnapshotMetadata): void {
    this.#newest = metadata;
    this.#newestBytes = 0;
    this.#entriesSince = 0;
    this.#bytesSince = 0;
    this.#memorySince = 0;
  }

  stop(): void {
    this.#isStopped = true;
    this.#writing?.abort();
    this.#end();
  }

  /** Lets go of what was gathered, and of what the machine keeps for the rest. */
  #end(): void {
    const pieces = this.#pieces;
    this.#writing = null;
    this.#pieces = null;
    try {
      pieces?.stop();
    } catch (cause) {
      this.#onFailure(machineError("snapshot", cause));
    }
  }

  #isDue(): boolean {
    const { snapshotEntries, snapshotBytes } = this.#limits;
    if (this.#entriesSince < snapshotEntries && this.#memorySince < snapshotBytes) return false;
    if (this.#newestBytes <= snapshotBytes) return true;
    return (
      this.#bytesSince >= this.#newestBytes * LARGE_STATE_SHARE || this.#memorySince >= this.#newestBytes
    );
  }

  #writeNext(
    writer: SnapshotWriter,
    pieces: SnapshotPieces,
    written: SnapshotTaken,
    committed: () => void,
  ): void {
    if (this.#writing !== writer) return; // Stopped meanwhile.
    const piece = this.#nextPiece(writer, pieces);
    if (piece === undefined) return;
    if (piece === null) {
      writer.commit((error) => {
        if (this.#writing !== writer) return;
        if (error !== null) return this.#failed(error);
        this.#end();
        this.#newestBytes = written.bytes;
        committed();
        this.#onTaken(written);
      });
      return;
    }
    const bytes = written.bytes + piece.length;
    writer.write(piece, (error) => {
      if (error !== null) return this.#failed(error);
      this.#writeNext(writer, pieces, { ...written, bytes }, committed);
    });
  }

  /** Undefined once the machine has thrown. */
  #nextPiece(writer: SnapshotWriter, pieces: SnapshotPieces): Uint8Array | null | undefined {
    try {
      return pieces.next();
    } catch (cause) {
      writer.abort();
      this.#failed(machineError("snapshot", cause));
      return undefined;
    }
  }

  /** A full disk is no fault: another snapshot will be due, and what a storage cannot do at all it says of its saves. */
  #failed(error: QuorateError): void {
    this.#end();
    if (!isNoSpace(error)) this.#onFailure(error);
  }

  #committed(metadata: SnapshotMetadata, raft: Raft): void {
    if (this.#newest !== undefined && metadata.index <= this.#newest.index) return;
    this.#newest = metadata;
    const index = this.#compactable(metadata.index, raft);
    if (index <= 0) return;
    raft.compactTo(index);
    this.#storage.compactTo(index);
  }

  /** Up to where the log may be forgotten, now that a snapshot covers it up to `covered`. */
  #compactable(covered: Index, { log }: Raft): Index {
    const { trailingEntries, snapshotBytes } = this.#limits;
    const least = Math.max(log.base.index, covered - trailingEntries);
    let bytes = 0;
    for (let index = covered; index > least; index--) {
      bytes += entryMemory(log.entryAt(index));
      // What a quorum has may not be on this member's own disk yet.
      if (bytes > snapshotBytes * TRAILING_SHARE) return Math.min(index, log.saved);
    }
    return least;
  }
}
