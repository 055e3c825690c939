import { assert } from "../base/assert.ts";
import type { Callback, Done } from "../base/callback.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import { having, NO_OPTIONS, OptionTable } from "../base/options.ts";
import type { Index } from "../log/entry.ts";
import type { Save } from "../raft/effects.ts";
import { checkIdentity } from "./layout/identity.ts";
import { storeIdText } from "./layout/limits.ts";
import type { Identity, Recovered, Snapshot, SnapshotReader, SnapshotWriter, Storage } from "./storage.ts";
import { joinLog } from "./wal/log-recovery.ts";
import { Replay } from "./wal/replay.ts";

/** Options of `MemoryStorage`. `storeId` is 16 bytes in hex, all zeros by default; another one means a replaced disk. */
export interface MemoryStorageOptions {
  readonly clock?: Clock;
  readonly storeId?: string;
}

const MEMORY_OPTIONS = new OptionTable<MemoryStorageOptions>("MemoryStorage", {
  clock: having<Clock>("a clock", "monotonic", "wall", "after", "soon"),
  storeId: storeIdText,
});

interface KeptSnapshot {
  readonly snapshot: Snapshot;
  readonly chunks: readonly Uint8Array[];
}

/**
 * A storage that lives as long as the object: the twin for tests, demonstrations and browsers. What was called back
 * survives `close` and `powerCut` and is given again by the next `open`; what was not called back by then is lost.
 */
export class MemoryStorage implements Storage {
  readonly #clock: Clock;
  readonly #storeId: string;
  readonly #replay = new Replay();
  #identity: Identity | null = null;
  #bootEpoch = 0;
  #newest: KeptSnapshot | null = null;
  #isOpen = false;
  /** Counted up with every end of a run: what was begun before it has no effect after it. */
  #run = 0;

  /** Creates an empty storage. Throws ERR_INVALID_ARGUMENT. */
  constructor(options: MemoryStorageOptions = NO_OPTIONS) {
    MEMORY_OPTIONS.check(options);
    const { clock = systemClock, storeId = "0".repeat(32) } = options;
    this.#clock = clock;
    this.#storeId = storeId;
  }

  open(identity: Identity): Recovered {
    if (this.#isOpen)
      throw new QuorateError("ERR_LOCKED", "the storage is open", {
        directory: "memory",
        pid: undefined,
        host: undefined,
      });
    if (this.#identity !== null) checkIdentity(this.#identity, identity);
    this.#identity = identity;
    this.#isOpen = true;
    this.#bootEpoch += 1;
    const snapshot = this.#newest?.snapshot;
    const { restart, ...log } = joinLog(this.#replay, snapshot);
    if (restart !== null) this.#replay.takeRecord({ kind: "restart", after: restart });
    return {
      isNew: this.#bootEpoch === 1,
      storeId: this.#storeId,
      bootEpoch: this.#bootEpoch,
      snapshot,
      hardState: log.hardState,
      entries: [...log.entries],
      droppedBytes: 0,
    };
  }

  save(step: Save, done: Done): void {
    this.#later(done, () => {
      const { snapshot, entries, hardState } = step;
      assert(
        snapshot === undefined || (this.#newest?.snapshot.metadata.index ?? 0) >= snapshot.index,
        "a snapshot is committed before the step that begins the log after it",
      );
      if (snapshot !== undefined) this.#replay.takeRecord({ kind: "restart", after: snapshot });
      for (const entry of entries) this.#replay.takeRecord({ kind: "entry", entry });
      if (hardState !== undefined) this.#replay.hardState = hardState;
    });
  }

  createSnapshot(snapshot: Snapshot): SnapshotWriter {
    this.#checkOpen();
    const chunks: Uint8Array[] = [];
    let isAborted = false;
    const unlessAborted = (done: Done, deed: () => void): void =>
      this.#later(isAborted ? () => done(closed()) : done, isAborted ? () => {} : deed);
    return {
      write: (chunk, done) => unlessAborted(done, () => chunks.push(chunk.slice())),
      commit: (done) => unlessAborted(done, () => this.#keep({ snapshot, chunks })),
      abort: () => {
        isAborted = true;
      },
    };
  }

  openSnapshot(): SnapshotReader | undefined {
    this.#checkOpen();
    return this.#newest === null ? undefined : new MemorySnapshotReader(this.#newest, this.#clock);
  }

  compactTo(index: Index): void {
    this.#checkOpen();
    const { entries } = this.#replay;
    const covered = Math.min(index, this.#newest?.snapshot.metadata.index ?? 0);
    const first = entries[0]?.index ?? 0;
    // One entry stays, so that the log still says where it ends.
    entries.splice(0, Math.min(entries.length - 1, Math.max(0, covered - first + 1)));
  }

  close(done: Done): void {
    this.#later(done, () => this.powerCut());
  }

  /** Ends the run at once: nothing is called back any more, and what was not called back is lost. */
  powerCut(): void {
    this.#isOpen = false;
    this.#run += 1;
  }

  #keep(kept: KeptSnapshot): void {
    if (kept.snapshot.metadata.index > (this.#newest?.snapshot.metadata.index ?? 0)) this.#newest = kept;
  }

  #later(done: Done, deed: () => void): void {
    const run = this.#run;
    const isOpen = this.#isOpen;
    this.#clock.soon(() => {
      if (isOpen && run !== this.#run) return;
      if (isOpen) deed();
      done(isOpen ? null : closed());
    });
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw closed();
  }
}

class MemorySnapshotReader implements SnapshotReader {
  readonly snapshot: Snapshot;
  readonly size: number;
  readonly #chunks: readonly Uint8Array[];
  readonly #clock: Clock;
  #next = 0;
  #isClosed = false;

  constructor({ snapshot, chunks }: KeptSnapshot, clock: Clock) {
    this.snapshot = snapshot;
    this.size = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#chunks = chunks;
    this.#clock = clock;
  }

  readSync(): Uint8Array | undefined {
    return this.#chunks[this.#next++];
  }

  read(done: Callback<Uint8Array | undefined>): void {
    this.#clock.soon(() => {
      if (!this.#isClosed) done(null, this.readSync());
    });
  }

  close(): void {
    this.#isClosed = true;
  }
}

function closed(): QuorateError {
  return new QuorateError("ERR_CLOSED", "the storage is closed", {});
}
