import { assert } from "../../base/assert.ts";
import { ByteWriter } from "../../base/bytes.ts";
import type { Done } from "../../base/callback.ts";
import type { Clock } from "../../base/clock.ts";
import { QuorateError } from "../../base/errors.ts";
import type { File, Files } from "../files/files.ts";
import { inTurn } from "../files/in-turn.ts";
import type { SnapshotListing } from "../layout/manifest.ts";
import type { Snapshot, SnapshotWriter } from "../storage.ts";
import { encodeChunk, encodeSnapshotHeader, encodeTrailer } from "./snapshot-file.ts";

/** A long snapshot is synced bit by bit, lest the WAL's own syncs wait behind all of it at once. */
const SYNC_BYTES = 8 * 1024 * 1024;

type Task = (done: Done) => void;

export interface SnapshotWriterParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly chunkBytesMax: number;
  /** Takes over the finished, synced file. */
  readonly keep: (listing: SnapshotListing, done: Done) => void;
  /** Told once that nothing more comes. */
  readonly ended: () => void;
}

/** Writes a snapshot into a file that is nobody's until it is kept. */
export class DiskSnapshotWriter implements SnapshotWriter {
  readonly #snapshot: Snapshot;
  readonly #path: string;
  readonly #parts: SnapshotWriterParts;
  /** Each chunk on its way to the disk. With one buffer for all of them the collector has nothing to do with their bytes. */
  readonly #scratch = new ByteWriter();
  #file: File | null = null;
  #offset = 0;
  #checksum = 0;
  #chunks = 0;
  #bytes = 0;
  #unsyncedBytes = 0;
  #phase: "writing" | "committing" | "ended" = "writing";
  #isBusy = false;
  #isAborted = false;

  constructor(snapshot: Snapshot, path: string, parts: SnapshotWriterParts) {
    this.#snapshot = snapshot;
    this.#path = path;
    this.#parts = parts;
  }

  write(chunk: Uint8Array, done: Done): void {
    // Without chunks to write it still calls back later.
    const tasks: Task[] = chunk.length > 0 ? [] : [(next) => this.#parts.clock.soon(() => next(null))];
    for (let from = 0; from < chunk.length; from += this.#parts.chunkBytesMax) {
      const piece = chunk.subarray(from, from + this.#parts.chunkBytesMax);
      tasks.push((next) => this.#writeChunk(piece, next));
    }
    this.#run(tasks, done);
  }

  commit(done: Done): void {
    const tasks: Task[] = [
      (next) => {
        this.#phase = "committing";
        next(null);
      },
      (next) => this.#writeTrailer(next),
      (next) => this.#file!.sync(next),
      (next) => this.#keep(next),
    ];
    this.#run(tasks, (error) => {
      if (error === null) this.#end();
      done(error);
    });
  }

  abort(): void {
    if (this.#phase !== "writing") return;
    this.#isAborted = true;
    if (!this.#isBusy) this.#discard();
  }

  #run(tasks: readonly Task[], done: Done): void {
    if (this.#phase === "ended" || this.#isAborted) {
      this.#parts.clock.soon(() => done(closed()));
      return;
    }
    assert(!this.#isBusy && this.#phase === "writing", "a snapshot writer is asked one thing at a time");
    this.#isBusy = true;
    inTurn([(next) => this.#open(next), ...tasks], (error) => {
      this.#isBusy = false;
      const wasStopped = this.#isAborted && this.#phase === "writing";
      if (error !== null || wasStopped) this.#discard();
      done(error ?? (wasStopped ? closed() : null));
    });
  }

  #open(done: Done): void {
    if (this.#file !== null) {
      done(null);
      return;
    }
    this.#parts.files.open(this.#path, "create", (error, file) => {
      if (error !== null || file === undefined) return done(error);
      this.#file = file;
      const { bytes, checksum } = encodeSnapshotHeader(this.#snapshot);
      this.#checksum = checksum;
      this.#append(bytes, done);
    });
  }

  #writeChunk(chunk: Uint8Array, done: Done): void {
    this.#checksum = encodeChunk(this.#scratch, chunk, this.#checksum);
    this.#chunks += 1;
    this.#bytes += chunk.length;
    this.#append(this.#scratch.written(), (error) => {
      if (error !== null || this.#unsyncedBytes < SYNC_BYTES) return done(error);
      this.#unsyncedBytes = 0;
      this.#file!.sync(done);
    });
  }

  #writeTrailer(done: Done): void {
    const trailer = encodeTrailer(this.#chunks, this.#bytes, this.#checksum);
    this.#checksum = trailer.checksum;
    this.#append(trailer.bytes, done);
  }

  #append(bytes: Uint8Array, done: Done): void {
    const at = this.#offset;
    this.#offset += bytes.length;
    this.#unsyncedBytes += bytes.length;
    this.#file!.write(bytes, at, done);
  }

  #keep(done: Done): void {
    this.#file!.close();
    this.#file = null;
    const { index, term } = this.#snapshot.metadata;
    this.#parts.keep({ index, term, bytes: this.#offset, checksum: this.#checksum }, done);
  }

  #discard(): void {
    const wasOpen = this.#file !== null;
    this.#file?.close();
    this.#file = null;
    // What cannot be removed now goes with the next start.
    if (wasOpen) this.#parts.files.remove(this.#path, () => this.#end());
    else this.#end();
  }

  #end(): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    this.#parts.ended();
  }
}

function closed(): QuorateError {
  return new QuorateError("ERR_CLOSED", "the snapshot was given up", {});
}
