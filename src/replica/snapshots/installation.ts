import type { Callback } from "../../base/callback.ts";
import type { Clock } from "../../base/clock.ts";
import { synchronous } from "../../base/foreign.ts";
import { describe } from "../../base/options.ts";
import type { Snapshot, SnapshotReader } from "../../storage/storage.ts";
import { machineError } from "../failure.ts";
import type { Restoration } from "../state-machine.ts";
import { chunksOf } from "./snapshot-recovery.ts";

/** How long the machine is kept busy before others have their turn. */
const SLICE_MS = 4;
/** The machine is given this much at a time: decoding it takes far less than a slice. */
const PIECE_BYTES = 64 * 1024;

/** What of a machine matters here. */
interface RestoredMachine {
  restore(chunks: Iterable<Uint8Array>): void;
  beginRestore?(): Restoration;
}

/** Told once, later, that the machine shows the snapshot's state, or why it cannot. */
export type Installed = (error: unknown) => void;

/**
 * Brings the snapshot of a start into the machine, if there is one: in slices as well, so that the process answers
 * others meanwhile. Nothing else waits for the disk yet, so a chunk is read in one go.
 */
export function restoreMachine(
  { machine, clock }: { readonly machine: RestoredMachine; readonly clock: Clock },
  reader: SnapshotReader | undefined,
  done: Installed,
): void {
  if (reader === undefined) {
    done(null);
    return;
  }
  const { snapshot, size } = reader;
  const readSync = (): Uint8Array | undefined => reader.readSync();
  const close = (): void => reader.close();
  const source = {
    snapshot,
    size,
    readSync,
    read: (next: Callback<Uint8Array | undefined>) => next(null, readSync()),
    close,
  };
  new Installation(source, machine, clock, done);
}

/**
 * Brings a snapshot, of a leader or of an earlier life, into the machine: slice by slice where the machine can, so that
 * heartbeats, clients and the rest of the process go on meanwhile. The disk is not waited for either.
 */
export class Installation {
  readonly #reader: SnapshotReader;
  readonly #clock: Clock;
  readonly #done: Installed;
  #isOver = false;

  /** Takes over the reader. */
  constructor(reader: SnapshotReader, machine: RestoredMachine, clock: Clock, done: Installed) {
    this.#reader = reader;
    this.#clock = clock;
    this.#done = done;
    this.#work(() => this.#begin(machine));
  }

  get snapshot(): Snapshot {
    return this.#reader.snapshot;
  }

  /** Gives up; nobody is told. */
  stop(): void {
    if (!this.#isOver) this.#reader.close();
    this.#isOver = true;
  }

  #begin(machine: RestoredMachine): void {
    if (machine.beginRestore !== undefined) {
      this.#readNext(restorationOf(synchronous(machine.beginRestore(), "beginRestore")));
      return;
    }
    synchronous<unknown>(machine.restore(chunksOf(this.#reader)), "restore");
    this.#end(null);
  }

  #readNext(restoration: Restoration): void {
    this.#reader.read((error, chunk) => {
      if (this.#isOver) return;
      if (error !== null) this.#end(error);
      else if (chunk === undefined) this.#work(() => this.#finish(restoration));
      else this.#work(() => this.#feed(restoration, chunk));
    });
  }

  /** Gives the machine as much of a chunk as one slice allows. */
  #feed(restoration: Restoration, chunk: Uint8Array): void {
    let offset = 0;
    const isSpent = this.#slice(() => {
      synchronous<unknown>(restoration.write(chunk.subarray(offset, offset + PIECE_BYTES)), "write");
      offset += PIECE_BYTES;
      return offset >= chunk.length;
    });
    if (isSpent) this.#readNext(restoration);
    else this.#work(() => this.#feed(restoration, chunk.subarray(offset)));
  }

  #finish(restoration: Restoration): void {
    if (this.#slice(() => isFinished(restoration))) this.#end(null);
    else this.#work(() => this.#finish(restoration));
  }

  /** Takes steps until one says that it was the last, or the time is up. */
  #slice(step: () => boolean): boolean {
    const begin = this.#clock.monotonic();
    do if (step()) return true;
    while (this.#clock.monotonic() - begin < SLICE_MS);
    return false;
  }

  /** Does some of the work once the others had their turn. */
  #work(deed: () => void): void {
    this.#clock.soon(() => {
      if (this.#isOver) return;
      try {
        deed();
      } catch (cause) {
        this.#end(machineError("restore", cause));
      }
    });
  }

  #end(error: unknown): void {
    if (this.#isOver) return;
    this.stop();
    this.#done(error);
  }
}

function restorationOf(begun: unknown): Restoration {
  const { write, finish } = (begun ?? {}) as Partial<Restoration>;
  if (typeof write === "function" && typeof finish === "function") return begun as Restoration;
  throw new TypeError(`beginRestore must return an object with write and finish, not ${describe(begun)}`);
}

/** What is neither true nor false would be asked for ever. */
function isFinished(restoration: Restoration): boolean {
  const answer: unknown = synchronous(restoration.finish(), "finish");
  if (typeof answer === "boolean") return answer;
  throw new TypeError(`finish must return true or false, not ${describe(answer)}`);
}
