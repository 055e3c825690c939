import type { Callback, Done } from "../base/callback.ts";
import type { QuorateError } from "../base/errors.ts";
import type { Entry, Index, MemberId, Term } from "../log/entry.ts";
import type { HardState, Save, SnapshotMetadata } from "../raft/effects.ts";
import type { StorageMetrics } from "./storage-metrics.ts";

/**
 * What survives a power cut. One member owns one storage; the member keeps the log itself in memory (`src/log`), so
 * a storage only appends, recovers, and keeps snapshots.
 *
 * Promises, proved for every implementation by the suite `storageSuite`:
 *
 * 1. `save` calls back without an error only when the step, and every step before it, would survive a power cut.
 *    Steps take effect in the order of the calls; each survives whole or not at all. The exception is a step with
 *    `mustSync` false, which only moves the commit index: it is called back in its turn but waits for no disk; it is
 *    written with the next step that must be synced, or within a moment when none comes. A power cut may lose it.
 * 2. After a crash `open` gives the last step that was called back, or a later one; never a mix, never an older one.
 *    Only the commit index may be an older one, by promise 1.
 * 3. Once a write or sync has failed every later `save` fails too: nobody knows what is on the disk, and nobody
 *    repeats a sync. The member stops; the next `open` finds out.
 * 4. What cannot be read back as it was written is an `ERR_CORRUPT`, never a guess and never zeros.
 *    Only the unacknowledged end of the log may be dropped, and that is reported in `Recovered.droppedBytes`.
 * 5. A snapshot appears whole, at `SnapshotWriter.commit`, or not at all.
 */
export interface Storage {
  /**
   * Takes the storage for this process and reads what survived. A new storage is given `identity`; an old one is
   * compared with it. Blocks until all is read.
   *
   * Throws ERR_LOCKED, ERR_FOREIGN_DIRECTORY, ERR_IDENTITY_MISMATCH, ERR_INCOMPATIBLE, ERR_CORRUPT, ERR_DISK.
   */
  open(identity: Identity): Recovered;

  /**
   * The same with other work in between, for a process that has some: calls back with what `open` gives or throws, and
   * until then nothing else may be called. A storage that is open within some milliseconds may leave this out.
   */
  openInSlices?(identity: Identity, done: (error: unknown, recovered?: Recovered) => void): void;

  /**
   * Saves one step. Several may be waiting; they are written together and called back in order, never from within
   * `save`. How many may wait is the caller's to bound. A step with a snapshot needs that snapshot, or a newer one,
   * committed before the call.
   */
  save(step: Save, done: Done): void;

  /**
   * True while there is no room for more, until there is again. Steps are still taken, and called back late: what is
   * left serves for votes and for what a leader sends. Nobody should propose more, and snapshots and `compactTo` help.
   * A storage that is never full may leave this out.
   */
  readonly isFull?: boolean;

  /** Begins a snapshot: one of our own state, or one that a leader sends. Several may be under way. */
  createSnapshot(snapshot: Snapshot): SnapshotWriter;

  /**
   * The newest snapshot, opened for reading, or null when there is none. It stays readable until closed, even if a
   * newer one appears. Throws ERR_CORRUPT, ERR_DISK.
   */
  openSnapshot(): SnapshotReader | undefined;

  /** Gives up what lies at or below `index`, which a committed snapshot covers. How much is truly freed, and when, is the storage's affair. */
  compactTo(index: Index): void;

  /**
   * Tells the listener, once, when the storage finds by itself that it cannot go on: with ERR_CORRUPT where something on
   * the disk is not what was written. Saves fail from then on. A storage that never looks may leave this out.
   */
  onFault?(listener: (fault: QuorateError) => void): void;

  /** What it has counted since it was opened, for dashboards. A storage that counts nothing may leave this out. */
  metrics?(): StorageMetrics | undefined;

  /**
   * Finishes the steps that were saved and the snapshots that are being committed, drops other snapshots in the
   * making, lets go of the files and the lock. Calls back with the error that stopped the storage, if one did. Later
   * calls fail with ERR_CLOSED.
   */
  close(done: Done): void;
}

/** Whose storage it is. */
export interface Identity {
  /** 16 bytes in hex, the same for all members of a cluster. */
  readonly clusterId: string;
  readonly memberId: MemberId;
  readonly memberName: string;
}

/**
 * What a storage read back when it was opened: identity, hard state, newest snapshot, and the entries after
 * it.
 */
export interface Recovered {
  /** Whether the storage was new, with nothing in it. */
  readonly isNew: boolean;
  /** Minted when the storage was made, 16 bytes in hex: it tells a replaced disk from the one that voted. */
  readonly storeId: string;
  /** How often the storage has been opened, this time included. */
  readonly bootEpoch: number;
  readonly hardState: HardState;
  /** The newest snapshot; the log begins after it or, where entries were kept, earlier. */
  readonly snapshot: Snapshot | undefined;
  /** Without gaps. May begin at or below the snapshot; the first one then shows how far back the log reaches. */
  readonly entries: readonly Entry[];
  /** Bytes of an unfinished, never acknowledged step that were left out; 0 after a clean end. */
  readonly droppedBytes: number;
  /**
   * Set when a damage was repaired, now or at an earlier start: in this term and earlier ones entries may have been
   * acknowledged that were lost. See `RaftState.lostTerm`.
   */
  readonly lostTerm?: Term | undefined;
  /** What this start has repaired, if it has. */
  readonly damage?: QuorateError | undefined;
}

/** A snapshot as the disk keeps it: what the core knows of it, and what the replica wants kept beside it. */
export interface Snapshot {
  readonly metadata: SnapshotMetadata;
  /** Opaque for the storage: names and addresses of the members, client sessions. */
  readonly context: Uint8Array;
}

/** Written chunk by chunk. Wait for each callback before the next call: that bounds the memory. */
export interface SnapshotWriter {
  write(chunk: Uint8Array, done: Done): void;
  /** Makes it the newest snapshot, durably. One that is older than the newest is dropped silently. */
  commit(done: Done): void;
  /** Drops what was written. May be called at any time before commit; after it, or at any failure, the writer is done for. */
  abort(): void;
}

/** Read chunk by chunk; every chunk was checked against its checksum. */
export interface SnapshotReader {
  readonly snapshot: Snapshot;
  /** Length of all chunks together, in bytes. */
  readonly size: number;
  /** The next chunk, or null at the end. Throws ERR_CORRUPT or ERR_DISK. For start-up, when blocking is allowed. */
  readSync(): Uint8Array | undefined;
  /** The next chunk, or null at the end. Not answered once the reader is closed. */
  read(done: Callback<Uint8Array | undefined>): void;
  /** At any time, also while a read is under way. */
  close(): void;
}
