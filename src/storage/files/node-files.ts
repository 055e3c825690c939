import fs from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Callback, Done } from "../../base/callback.ts";
import { QuorateError } from "../../base/errors.ts";
import { callback, milliseconds, NO_OPTIONS, OptionTable } from "../../base/options.ts";
import { monotonicNow, nextTick, setImmediate } from "../../base/system-time.ts";
import { diskError } from "../disk-error.ts";
import { type LockHolder, NodeLock } from "../lock/node-lock.ts";
import type { File, Files, OpenMode } from "./files.ts";
import { type WriteSome, type WriteSomeSync, writeWhole, writeWholeSync } from "./whole-write.ts";

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

/** Where a write with O_DSYNC truly waits for the disk; elsewhere a write is followed by a sync. */
const HAS_DSYNC = process.platform === "linux";

/**
 * A durable write of at most so many bytes is made on the spot, if the one before it took at most so many milliseconds.
 * The way to the thread pool and back costs as long again as a quick disk itself; on a slow one, and for a long write,
 * the process has better things to do.
 */
const SHORT_BYTES = 4096;
const QUICK_MS = 0.5;

/** Options of `NodeFiles`: how it waits for a directory that another process has locked. */
export interface NodeFilesOptions {
  /** How long `lockWhenFree` waits for a living process to let go of the directory, in milliseconds. Default 0. */
  readonly lockTimeoutMs?: number | undefined;
  /** Called once, with the holder, when that waiting begins. */
  readonly onLockWait?: ((holder: LockHolder) => void) | undefined;
}

const NODE_FILES_OPTIONS = new OptionTable<NodeFilesOptions>("NodeFiles", {
  lockTimeoutMs: milliseconds,
  onLockWait: callback<(holder: LockHolder) => void>(),
});

/**
 * A directory on a real disk, through `node:fs`. Directories and files are made for the owner alone. What changes
 * anything fails with ERR_LOCKED, and changes nothing, once another process has taken the directory.
 */
export class NodeFiles implements Files {
  readonly directory: string;
  readonly #root: string;
  readonly #lock: NodeLock;

  /** Names the directory that all paths are relative to; nothing is opened or created yet. */
  constructor(directory: string, options: NodeFilesOptions = NO_OPTIONS) {
    NODE_FILES_OPTIONS.check(options);
    const { lockTimeoutMs: timeoutMs = 0, onLockWait: onWait = () => {} } = options;
    this.directory = directory;
    // The process may change its working directory.
    this.#root = resolve(directory);
    this.#lock = new NodeLock(directory, { timeoutMs, onWait });
  }

  lock(): void {
    this.#makeRoot();
    this.#lock.takeSync();
  }

  lockWhenFree(done: Done): void {
    try {
      this.#makeRoot();
    } catch (error) {
      setImmediate(done, refusal("create", this.#root, error));
      return;
    }
    this.#lock.take(done);
  }

  unlock(): void {
    this.#lock.release();
  }

  checkLock(done: Done): void {
    this.#lock.check(done);
  }

  onLockLost(listener: (error: QuorateError) => void): void {
    this.#lock.onLost(listener);
  }

  listSync(directory: string): string[] {
    return attempt("list", directory, () => {
      try {
        return fs.readdirSync(this.#at(directory)).sort();
      } catch (error) {
        if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return [];
        throw error;
      }
    });
  }

  readSync(path: string): Uint8Array {
    return attempt("read", path, () => {
      const bytes = fs.readFileSync(this.#at(path));
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    });
  }

  makeDirectorySync(path: string): void {
    this.#change("create", path, () =>
      fs.mkdirSync(this.#at(path), { recursive: true, mode: DIRECTORY_MODE }),
    );
  }

  writeSync(path: string, bytes: Uint8Array): void {
    this.#change("write", path, () => {
      const descriptor = fs.openSync(this.#at(path), "w", FILE_MODE);
      try {
        writeWholeSync(syncWriterOf(descriptor), path, bytes, 0);
        fs.fsyncSync(descriptor);
      } finally {
        fs.closeSync(descriptor);
      }
    });
  }

  renameSync(from: string, to: string): void {
    this.#change("rename", from, () => fs.renameSync(this.#at(from), this.#at(to)));
  }

  removeSync(path: string): void {
    this.#change("remove", path, () => fs.unlinkSync(this.#at(path)));
  }

  syncDirectorySync(path: string): void {
    attempt("sync", path, () => syncFolder(this.#at(path)));
  }

  openSync(path: string, mode: OpenMode): File {
    const open = (): number => fs.openSync(this.#at(path), flagsOf(mode), FILE_MODE);
    const descriptor = mode === "create" ? this.#change("open", path, open) : attempt("open", path, open);
    return new NodeFile(path, descriptor, mode === "durable", this.#lock);
  }

  open(path: string, mode: OpenMode, done: Callback<File>): void {
    const open = (): void =>
      fs.open(this.#at(path), flagsOf(mode), FILE_MODE, (error, descriptor) => {
        if (error) done(refusal("open", path, error));
        else done(null, new NodeFile(path, descriptor, mode === "durable", this.#lock));
      });
    if (mode === "create") whileLocked(this.#lock, done, open);
    else open();
  }

  write(path: string, bytes: Uint8Array, done: Done): void {
    const write = (): void =>
      fs.open(this.#at(path), "w", FILE_MODE, (error, descriptor) => {
        if (error) return done(refusal("write", path, error));
        const file = new NodeFile(path, descriptor, false, this.#lock);
        const finish: Done = (failure) => {
          file.close();
          done(failure);
        };
        file.write(bytes, 0, (failure) => (failure === null ? file.sync(finish) : finish(failure)));
      });
    whileLocked(this.#lock, done, write);
  }

  rename(from: string, to: string, done: Done): void {
    whileLocked(this.#lock, done, () =>
      fs.rename(this.#at(from), this.#at(to), answer("rename", from, done)),
    );
  }

  remove(path: string, done: Done): void {
    whileLocked(this.#lock, done, () => fs.unlink(this.#at(path), answer("remove", path, done)));
  }

  syncDirectory(path: string, done: Done): void {
    // See `syncFolder`.
    if (process.platform === "win32") {
      setImmediate(done, null);
      return;
    }
    fs.open(this.#at(path), "r", (error, descriptor) => {
      if (error) return done(refusal("sync", path, error));
      fs.fsync(descriptor, (failure) => {
        fs.closeSync(descriptor);
        done(failure ? refusal("sync", path, failure) : null);
      });
    });
  }

  #makeRoot(): void {
    attempt("create", this.#root, () => {
      if (fs.statSync(this.#root, { throwIfNoEntry: false })?.isDirectory() === false)
        throw isFile(this.directory);
      if (fs.mkdirSync(this.#root, { recursive: true, mode: DIRECTORY_MODE }) !== undefined)
        syncFolder(join(this.#root, ".."));
    });
  }

  /** Does what changes something on the disk, while the lock is ours. */
  #change<Value>(operation: string, path: string, deed: () => Value): Value {
    this.#lock.renewSync();
    return attempt(operation, path, deed);
  }

  freeBytes(done: Callback<number>): void {
    // A run time that cannot say leaves it to the writes themselves.
    if (typeof fs.statfs !== "function") {
      setImmediate(done, null, Number.POSITIVE_INFINITY);
      return;
    }
    fs.statfs(this.#root, (error, found) => {
      done(null, error ? Number.POSITIVE_INFINITY : found.bavail * found.bsize);
    });
  }

  #at(path: string): string {
    return join(this.#root, path);
  }
}

class NodeFile implements File {
  readonly path: string;
  readonly #descriptor: number;
  readonly #isDurable: boolean;
  readonly #lock: NodeLock;
  readonly #writeSomeSync: WriteSomeSync;
  /** Milliseconds that the last durable write took. */
  #lastMs = Number.POSITIVE_INFINITY;

  constructor(path: string, descriptor: number, isDurable: boolean, lock: NodeLock) {
    this.path = path;
    this.#descriptor = descriptor;
    this.#isDurable = isDurable;
    this.#lock = lock;
    this.#writeSomeSync = syncWriterOf(descriptor);
  }

  sizeSync(): number {
    return attempt("read", this.path, () => fs.fstatSync(this.#descriptor).size);
  }

  readSync(offset: number, length: number, into?: Uint8Array): Uint8Array {
    return attempt("read", this.path, () => {
      const due = Math.max(0, Math.min(length, fs.fstatSync(this.#descriptor).size - offset));
      const bytes = into === undefined ? new Uint8Array(due) : into.subarray(0, due);
      let read = 0;
      while (read < bytes.length) {
        const more = fs.readSync(this.#descriptor, bytes, read, bytes.length - read, offset + read);
        if (more === 0) break;
        read += more;
      }
      return bytes.subarray(0, read);
    });
  }

  read(offset: number, length: number, done: Callback<Uint8Array>): void {
    const bytes = new Uint8Array(length);
    const readOn = (read: number): void => {
      fs.read(this.#descriptor, bytes, read, length - read, offset + read, (error, more) => {
        if (error) done(refusal("read", this.path, error));
        else if (more === 0 || read + more === length) done(null, bytes.subarray(0, read + more));
        else readOn(read + more);
      });
    };
    readOn(0);
  }

  write(bytes: Uint8Array, offset: number, done: Done): void {
    if (this.#lock.isTrusted) this.#write(bytes, offset, done);
    else whileLocked(this.#lock, done, () => this.#write(bytes, offset, done));
  }

  #write(bytes: Uint8Array, offset: number, done: Done): void {
    if (!this.#isDurable) this.#writeAll(bytes, offset, done);
    else if (!HAS_DSYNC) this.#writeAll(bytes, offset, this.#syncAfter(done));
    else this.#writeDurably(bytes, offset, done);
  }

  sync(done: Done): void {
    fs.fdatasync(this.#descriptor, answer("sync", this.path, done));
  }

  close(): void {
    fs.closeSync(this.#descriptor);
  }

  #writeDurably(bytes: Uint8Array, offset: number, done: Done): void {
    const begin = monotonicNow();
    if (bytes.length > SHORT_BYTES || this.#lastMs > QUICK_MS) {
      this.#writeAll(bytes, offset, (error) => {
        this.#lastMs = monotonicNow() - begin;
        done(error);
      });
      return;
    }
    // What was handed to the network before leaves before: the other members write meanwhile.
    nextTick(() => done(this.#writeNow(bytes, offset)));
  }

  #writeNow(bytes: Uint8Array, offset: number): QuorateError | null {
    const begin = monotonicNow();
    try {
      writeWholeSync(this.#writeSomeSync, this.path, bytes, offset);
      return null;
    } catch (error) {
      return refusal("write", this.path, error);
    } finally {
      this.#lastMs = monotonicNow() - begin;
    }
  }

  #writeAll(bytes: Uint8Array, offset: number, done: Done): void {
    writeWhole(this.#writeSome, this.path, bytes, offset, done);
  }

  readonly #writeSome: WriteSome = (bytes, offset, done) => {
    fs.write(this.#descriptor, bytes, 0, bytes.length, offset, (error, count) => {
      if (error) done(refusal("write", this.path, error));
      else done(null, count);
    });
  };

  #syncAfter(done: Done): Done {
    return (error) => (error === null ? this.sync(done) : done(error));
  }
}

function flagsOf(mode: OpenMode): number {
  const { O_RDWR, O_RDONLY, O_CREAT, O_EXCL, O_DSYNC } = fs.constants;
  switch (mode) {
    case "create":
      return O_RDWR | O_CREAT | O_EXCL;
    case "read":
      return O_RDONLY;
    case "read-write":
      return O_RDWR;
    case "durable":
      return HAS_DSYNC ? O_RDWR | O_DSYNC : O_RDWR;
  }
}

function syncWriterOf(descriptor: number): WriteSomeSync {
  return (bytes, offset) => fs.writeSync(descriptor, bytes, 0, bytes.length, offset);
}

/**
 * Makes the names in a directory durable. On Windows it does nothing: a directory cannot be opened for writing there, which
 * FlushFileBuffers needs, and there is no other call for it.
 */
export function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const descriptor = fs.openSync(path, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}

function attempt<Value>(operation: string, path: string, deed: () => Value): Value {
  try {
    return deed();
  } catch (error) {
    throw refusal(operation, path, error);
  }
}

/** Deno gives no argument at all where nothing failed. */
function answer(operation: string, path: string, done: Done): (error?: Error | null) => void {
  return (error) => done(error ? refusal(operation, path, error) : null);
}

/** Does what changes something on the disk while the lock is known to be ours; a loop that stood still has to look first. */
function whileLocked(lock: NodeLock, done: Callback<never>, deed: () => void): void {
  if (lock.isTrusted) deed();
  else lock.renew((error) => (error === null ? deed() : done(error)));
}

function refusal(operation: string, path: string, error: unknown): QuorateError {
  if (QuorateError.is(error)) return error;
  return diskError(operation, path, errnoOf(error), error);
}

function isFile(directory: string): QuorateError<"ERR_FOREIGN_DIRECTORY"> {
  const message = `${directory} is a file, where a directory is expected; a backup is restored with quorate restore`;
  return new QuorateError("ERR_FOREIGN_DIRECTORY", message, {
    directory,
    found: [basename(directory)],
    kind: "files",
  });
}

function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}
