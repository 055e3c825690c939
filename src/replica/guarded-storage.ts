import type { Callback, Done } from "../base/callback.ts";
import type { Clock } from "../base/clock.ts";
import type { QuorateError } from "../base/errors.ts";
import { calling, isFailure, rethrowing, synchronous } from "../base/foreign.ts";
import { describe } from "../base/options.ts";
import { warn } from "../base/uncaught.ts";
import type { Index } from "../log/entry.ts";
import type { Save } from "../raft/effects.ts";
import type {
  Identity,
  Recovered,
  Snapshot,
  SnapshotReader,
  SnapshotWriter,
  Storage,
} from "../storage/storage.ts";
import type { StorageMetrics } from "../storage/storage-metrics.ts";
import { storageError } from "./failure.ts";

/** A storage, or a transport, that has not let go by then is not waited for any longer. */
export const CLOSE_MS_MAX = 10_000;

/**
 * A storage that may be an application's own. Whatever it throws, rejects with or calls back with, at whatever moment, is
 * told as a coded error, once. What it calls back runs by way of `enter`, so that it cannot throw out of the storage's
 * own callbacks.
 */
export class GuardedStorage implements Storage {
  readonly #storage: Storage;
  readonly #clock: Clock;
  #enter = (run: () => void): void => run();

  constructor(storage: Storage, clock: Clock) {
    this.#storage = storage;
    this.#clock = clock;
  }

  /** From now on a member carries out what the storage calls back. */
  enterBy(enter: (run: () => void) => void): void {
    this.#enter = enter;
  }

  open(identity: Identity): Recovered {
    return recoveredBy(() => this.#storage.open(identity));
  }

  openInSlices(identity: Identity, done: (error: unknown, recovered?: Recovered) => void): void {
    const settle = once<Recovered>("open", done);
    if (this.#storage.openInSlices === undefined) {
      calling(() => settle(null, this.open(identity)), settle);
      return;
    }
    const opened = (error: unknown, recovered?: Recovered): void => {
      if (isFailure(error)) settle(error);
      else
        calling(
          () =>
            settle(
              null,
              recoveredBy(() => recovered),
            ),
          settle,
        );
    };
    calling(() => this.#storage.openInSlices?.(identity, opened), settle);
  }

  save(step: Save, done: Done): void {
    const settle = this.#once("save", done);
    calling(() => this.#storage.save(step, settle), settle);
  }

  get isFull(): boolean {
    return asked("isFull", () => this.#storage.isFull === true);
  }

  createSnapshot(snapshot: Snapshot): SnapshotWriter {
    const writer = asked("createSnapshot", () => {
      const made: SnapshotWriter | undefined = synchronous(this.#storage.createSnapshot(snapshot), "it");
      if (typeof made?.write === "function") return made;
      throw new TypeError(`it returned ${describe(made)}, not a writer`);
    });
    return {
      write: (chunk, done) => {
        const settle = this.#once("write", done);
        calling(() => writer.write(chunk, settle), settle);
      },
      commit: (done) => {
        const settle = this.#once("commit", done);
        calling(() => writer.commit(settle), settle);
      },
      abort: () => calling(() => writer.abort(), unheard("abort")),
    };
  }

  openSnapshot(): SnapshotReader | undefined {
    const reader = asked("openSnapshot", () => {
      const made: SnapshotReader | undefined = synchronous(this.#storage.openSnapshot(), "it");
      if (made === undefined || typeof made?.read === "function") return made;
      throw new TypeError(`it returned ${describe(made)}, not a reader or undefined`);
    });
    if (reader === undefined) return undefined;
    return {
      snapshot: reader.snapshot,
      size: reader.size,
      readSync: () => asked("readSync", () => synchronous(reader.readSync(), "it")),
      read: (done) => {
        const settle = this.#once("read", done);
        calling(() => reader.read(settle), settle);
      },
      close: () => calling(() => reader.close(), unheard("close")),
    };
  }

  compactTo(index: Index): void {
    asked("compactTo", () => synchronous<unknown>(this.#storage.compactTo(index), "it"));
  }

  onFault(listener: (fault: QuorateError) => void): void {
    const heard = (fault: unknown): void => this.#enter(() => listener(storageError("onFault", fault)));
    asked("onFault", () => this.#storage.onFault?.(heard));
  }

  metrics(): StorageMetrics | undefined {
    return asked("metrics", () => this.#storage.metrics?.());
  }

  /** Calls back in any case, in the end: with ERR_STORAGE where the storage throws or does not call back. */
  close(done: Done): void {
    const settle = this.#once("close", (error) => {
      timer.cancel();
      done(error);
    });
    const late = new Error(`it has not called back in ${CLOSE_MS_MAX} ms`);
    const timer = this.#clock.after(CLOSE_MS_MAX, () => settle(late));
    calling(() => this.#storage.close(settle), settle);
  }

  #once<Value>(method: string, done: Callback<Value>): (error: unknown, value?: Value) => void {
    return once<Value>(method, (error, value) => this.#enter(() => done(error, value)));
  }
}

/** Tells of the first outcome; a storage that calls back twice has said nothing the second time. */
function once<Value>(method: string, done: Callback<Value>): (error: unknown, value?: Value) => void {
  let isOver = false;
  return (error, value) => {
    if (isOver) return;
    isOver = true;
    if (isFailure(error)) done(storageError(method, error));
    else done(null, value);
  };
}

function recoveredBy(open: () => Recovered | undefined): Recovered {
  return asked("open", () => {
    const recovered = synchronous(open(), "it");
    if (typeof recovered === "object" && recovered !== null && Array.isArray(recovered.entries))
      return recovered;
    throw new TypeError(`it gave ${describe(recovered)}, and not what it has recovered`);
  });
}

function asked<Value>(method: string, ask: () => Value): Value {
  return rethrowing(ask, (cause) => storageError(method, cause));
}

/** What fails where nobody waits, and changes nothing. */
function unheard(method: string): (cause: unknown) => void {
  return (cause) => warn(storageError(method, cause), "The storage was to let go of a snapshot.");
}
