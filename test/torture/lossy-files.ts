import type { Callback, Done } from "../../src/base/callback.ts";
import type { File, Files, OpenMode } from "../../src/storage/files/files.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";

interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/**
 * A real directory where a SIGKILL is a power cut: what was written and not synced is held in the memory of this
 * process, and the system hears of it with the sync. (A SIGKILL alone loses nothing that the system was given.) Names
 * are the system's at once.
 */
export class LossyFiles extends NodeFiles implements Files {
  /** By the file's name when it was opened; files are renamed only after their sync. */
  readonly #unsynced = new Map<string, Write[]>();

  override openSync(path: string, mode: OpenMode): File {
    return this.#wrap(super.openSync(path, mode), mode);
  }

  override open(path: string, mode: OpenMode, done: Callback<File>): void {
    super.open(path, mode, (error, file) => {
      if (error !== null || file === undefined) done(error);
      else done(null, this.#wrap(file, mode));
    });
  }

  #wrap(file: File, mode: OpenMode): File {
    if (mode === "durable") return file;
    let writes = this.#unsynced.get(file.path);
    if (writes === undefined || mode === "create") writes = [];
    this.#unsynced.set(file.path, writes);
    return new LossyFile(file, writes);
  }
}

class LossyFile implements File {
  readonly path: string;
  readonly #file: File;
  readonly #unsynced: Write[];

  constructor(file: File, unsynced: Write[]) {
    this.path = file.path;
    this.#file = file;
    this.#unsynced = unsynced;
  }

  sizeSync(): number {
    return Math.max(
      this.#file.sizeSync(),
      ...this.#unsynced.map(({ offset, bytes }) => offset + bytes.length),
    );
  }

  readSync(offset: number, length: number): Uint8Array {
    return this.#asSeen(this.#file.readSync(offset, length), offset, length);
  }

  read(offset: number, length: number, done: Callback<Uint8Array>): void {
    this.#file.read(offset, length, (error, bytes) => {
      if (error !== null || bytes === undefined) done(error);
      else done(null, this.#asSeen(bytes, offset, length));
    });
  }

  write(bytes: Uint8Array, offset: number, done: Done): void {
    this.#unsynced.push({ offset, bytes: bytes.slice() });
    setImmediate(done, null);
  }

  sync(done: Done): void {
    const writes = this.#unsynced.splice(0);
    const next = (at: number): void => {
      const write = writes[at];
      if (write === undefined) {
        this.#file.sync(done);
        return;
      }
      this.#file.write(write.bytes, write.offset, (error) => (error === null ? next(at + 1) : done(error)));
    };
    next(0);
  }

  close(): void {
    this.#file.close();
  }

  /** What the system holds, with what it has not been told of yet. */
  #asSeen(bytes: Uint8Array, from: number, length: number): Uint8Array {
    if (this.#unsynced.length === 0) return bytes;
    const seen = new Uint8Array(Math.max(0, Math.min(length, this.sizeSync() - from)));
    seen.set(bytes);
    for (const write of this.#unsynced) {
      const begin = Math.max(from, write.offset);
      const end = Math.min(from + seen.length, write.offset + write.bytes.length);
      if (begin >= end) continue;
      seen.set(write.bytes.subarray(begin - write.offset, end - write.offset), begin - from);
    }
    return seen;
  }
}
