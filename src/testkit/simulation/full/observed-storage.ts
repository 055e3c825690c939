import type { Done } from "../../../base/callback.ts";
import type { Index } from "../../../log/entry.ts";
import type { Save } from "../../../raft/effects.ts";
import type {
  Identity,
  Recovered,
  Snapshot,
  SnapshotReader,
  SnapshotWriter,
  Storage,
} from "../../../storage/storage.ts";

/** Told what a storage is given, and what it reports. */
export interface StorageObserver {
  identified(identity: Identity): void;
  opened(recovered: Recovered): void;
  saving(save: Save): void;
  saved(save: Save): void;
  saveFailed(reason: string): void;
  snapshotBegun(snapshot: Snapshot): void;
  snapshotKept(snapshot: Snapshot): void;
  /** Lets time pass before a snapshot goes on behind an empty chunk. */
  pause(run: () => void): void;
}

/** A storage with an observer beside it. */
export class ObservedStorage implements Storage {
  readonly #storage: Storage;
  readonly #observer: StorageObserver;

  constructor(storage: Storage, observer: StorageObserver) {
    this.#storage = storage;
    this.#observer = observer;
  }

  open(identity: Identity): Recovered {
    this.#observer.identified(identity);
    const recovered = this.#storage.open(identity);
    this.#observer.opened(recovered);
    return recovered;
  }

  get isFull(): boolean {
    return this.#storage.isFull === true;
  }

  save(step: Save, done: Done): void {
    this.#observer.saving(step);
    this.#storage.save(step, (error) => {
      if (error === null) this.#observer.saved(step);
      else this.#observer.saveFailed(error.message);
      done(error);
    });
  }

  createSnapshot(snapshot: Snapshot): SnapshotWriter {
    this.#observer.snapshotBegun(snapshot);
    const writer = this.#storage.createSnapshot(snapshot);
    let isAborted = false;
    return {
      write: (chunk, done) => {
        if (chunk.length > 0) writer.write(chunk, done);
        else this.#observer.pause(() => !isAborted && writer.write(chunk, done));
      },
      abort: () => {
        isAborted = true;
        writer.abort();
      },
      commit: (done) =>
        writer.commit((error) => {
          if (error === null) this.#observer.snapshotKept(snapshot);
          done(error);
        }),
    };
  }

  openSnapshot(): SnapshotReader | undefined {
    return this.#storage.openSnapshot();
  }

  compactTo(index: Index): void {
    this.#storage.compactTo(index);
  }

  close(done: Done): void {
    this.#storage.close(done);
  }
}
