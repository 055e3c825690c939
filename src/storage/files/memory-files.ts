import { assert } from "../../base/assert.ts";
import { equalBytes } from "../../base/bytes.ts";
import type { Callback, Done } from "../../base/callback.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { QuorateError } from "../../base/errors.ts";
import { diskError } from "../disk-error.ts";
import type { File, Files, OpenMode } from "./files.ts";
import { directoryOf, Inode, MemoryDisk } from "./memory-disk.ts";
import { type WriteSome, writeWhole, writeWholeSync } from "./whole-write.ts";

/** One call of a program to its disk. */
export interface DiskCall {
  /** Counted from 1. */
  readonly number: number;
  readonly operation: string;
  readonly path: string;
}

export interface MemoryFilesOptions {
  readonly clock?: Clock;
  /**
   * Asked before each call has any effect; with a code of the system, `EIO` for one, the call fails. It is also the
   * moment for a power cut.
   */
  readonly beforeCall?: (call: DiskCall) => string | undefined;
  /** How many of so many bytes a write takes, which may be fewer than all, as with any system. */
  readonly takes?: (call: DiskCall, length: number) => number;
}

/**
 * A program's view of a disk in memory: the twin of `NodeFiles` that knows what was synced and what was not. `disk`
 * outlives it, as a disk outlives a process.
 *
 * A write that fails has written its first half. A sync that fails, also that of a durable write, drops what it
 * should have made durable, and the file looks as if nothing were amiss: so do real systems.
 */
export class MemoryFiles implements Files {
  readonly disk: MemoryDisk;
  readonly #clock: Clock;
  readonly #beforeCall: (call: DiskCall) => string | undefined;
  readonly #takes: (call: DiskCall, length: number) => number;
  #calls = 0;
  #isHalted = false;

  constructor(disk: MemoryDisk = new MemoryDisk(), options: MemoryFilesOptions = {}) {
    this.disk = disk;
    this.#clock = options.clock ?? systemClock;
    this.#beforeCall = options.beforeCall ?? (() => undefined);
    this.#takes = options.takes ?? ((_call, length) => length);
  }

  /** How many calls were made so far. */
  get calls(): number {
    return this.#calls;
  }

  /** The program is killed: nothing is called back any more. What it wrote is still seen, synced or not. */
  halt(): void {
    this.#isHalted = true;
    if (this.disk.owner === this) this.disk.owner = null;
  }

  lock(): void {
    this.attempt("lock", "");
    if (this.disk.owner !== null) {
      throw new QuorateError("ERR_LOCKED", "the directory is in use", {
        directory: "memory",
        pid: undefined,
        host: undefined,
      });
    }
    this.disk.owner = this;
  }

  lockWhenFree(done: Done): void {
    this.soon(() => {
      try {
        this.lock();
      } catch (error) {
        if (!QuorateError.is(error)) throw error;
        return done(error);
      }
      done(null);
    });
  }

  unlock(): void {
    if (this.disk.owner === this) this.disk.owner = null;
  }

  checkLock(done: Done): void {
    this.later("lock", "", () => this.#checkOwner(), done);
  }

  listSync(directory: string): string[] {
    this.attempt("list", directory);
    const paths = [...this.disk.names.keys()].filter((path) => directoryOf(path) === directory);
    return paths.map((path) => path.slice(path.lastIndexOf("/") + 1)).sort();
  }

  readSync(path: string): Uint8Array {
    this.attempt("read", path);
    return this.#find("read", path).read();
  }

  /** Directories are names that files have in common: there is nothing to make. */
  makeDirectorySync(path: string): void {
    this.attempt("create", path);
  }

  writeSync(path: string, bytes: Uint8Array): void {
    const inode = this.#findOrCreate(path);
    inode.empty();
    const writeSome = (part: Uint8Array, offset: number): number => {
      this.attempt("write", path);
      const count = this.taken(path, part.length);
      inode.write(part.subarray(0, count), offset);
      return count;
    };
    writeWholeSync(writeSome, path, bytes, 0);
    const marked = inode.mark();
    const failure = this.refusal("sync", path);
    endSync(inode, marked, failure);
    if (failure !== null) throw failure;
  }

  renameSync(from: string, to: string): void {
    this.attempt("rename", from);
    this.#rename(from, to);
  }

  removeSync(path: string): void {
    this.attempt("remove", path);
    this.#remove(path);
  }

  syncDirectorySync(path: string): void {
    this.attempt("sync", path);
    this.disk.settleNames(this.disk.markNames(path));
  }

  openSync(path: string, mode: OpenMode): File {
    this.attempt("open", path);
    return this.#open(path, mode);
  }

  open(path: string, mode: OpenMode, done: Callback<File>): void {
    this.later(
      "open",
      path,
      () => this.#open(path, mode),
      (error, file) => (error === null ? done(null, file!) : done(error)),
    );
  }

  write(path: string, bytes: Uint8Array, done: Done): void {
    this.open(path, this.disk.names.has(path) ? "read-write" : "create", (error, file) => {
      if (error !== null || file === undefined) return done(error);
      this.disk.names.get(path)?.empty();
      file.write(bytes, 0, (failure) => (failure === null ? file.sync(done) : done(failure)));
    });
  }

  rename(from: string, to: string, done: Done): void {
    this.later("rename", from, () => this.#rename(from, to), done);
  }

  remove(path: string, done: Done): void {
    this.later("remove", path, () => this.#remove(path), done);
  }

  syncDirectory(path: string, done: Done): void {
    const marked = this.disk.markNames(path);
    this.later("sync", path, () => this.disk.settleNames(marked), done);
  }

  /** Counts a call; the reason why it is to fail, or null. */
  refusal(operation: string, path: string): QuorateError | null {
    this.#calls += 1;
    const errno = this.#beforeCall({ number: this.#calls, operation, path });
    return errno === undefined ? null : diskError(operation, path, errno);
  }

  attempt(operation: string, path: string): void {
    const failure = this.refusal(operation, path);
    if (failure !== null) throw failure;
  }

  /** How many bytes the write that was counted last takes. */
  taken(path: string, length: number): number {
    return this.#takes({ number: this.#calls, operation: "write", path }, length);
  }

  /** Runs later, if the program still does. */
  soon(run: () => void): void {
    this.#clock.soon(() => {
      if (!this.#isHalted) run();
    });
  }

  /** Does `deed` at the time of the callback, unless the call is to fail. */
  later<Value>(operation: string, path: string, deed: () => Value, done: Callback<Value>): void {
    const failure = this.refusal(operation, path);
    this.soon(() => {
      if (failure !== null) return done(failure);
      let value: Value;
      try {
        value = deed();
      } catch (error) {
        if (!QuorateError.is(error)) throw error;
        return done(error);
      }
      done(null, value);
    });
  }

  #checkOwner(): void {
    if (this.disk.owner === this) return;
    throw new QuorateError("ERR_LOCKED", "the directory was taken over", {
      directory: "memory",
      pid: undefined,
      host: undefined,
    });
  }

  #open(path: string, mode: OpenMode): File {
    if (mode === "create" && this.disk.names.has(path)) throw diskError("open", path, "EEXIST");
    const inode = mode === "create" ? this.#findOrCreate(path) : this.#find("open", path);
    return new MemoryFile(this, path, inode, mode === "durable");
  }

  #find(operation: string, path: string): Inode {
    const inode = this.disk.names.get(path);
    if (inode === undefined) throw diskError(operation, path, "ENOENT");
    return inode;
  }

  #findOrCreate(path: string): Inode {
    const found = this.disk.names.get(path);
    if (found !== undefined) return found;
    const inode = new Inode(new Uint8Array(0));
    this.disk.changeNames(path, (names) => names.set(path, inode));
    return inode;
  }

  #rename(from: string, to: string): void {
    const inode = this.#find("rename", from);
    this.disk.changeNames(to, (names) => {
      names.delete(from);
      names.set(to, inode);
    });
  }

  #remove(path: string): void {
    this.#find("remove", path);
    this.disk.changeNames(path, (names) => names.delete(path));
  }
}

class MemoryFile implements File {
  readonly path: string;
  readonly #files: MemoryFiles;
  readonly #inode: Inode;
  readonly #isDurable: boolean;
  /** Calls that are not answered yet. */
  #underWay = 0;

  constructor(files: MemoryFiles, path: string, inode: Inode, isDurable: boolean) {
    this.#files = files;
    this.path = path;
    this.#inode = inode;
    this.#isDurable = isDurable;
  }

  sizeSync(): number {
    this.#files.attempt("read", this.path);
    return this.#inode.size;
  }

  readSync(offset: number, length: number): Uint8Array {
    this.#files.attempt("read", this.path);
    return this.#inode.read(offset, length);
  }

  read(offset: number, length: number, done: Callback<Uint8Array>): void {
    this.#files.later("read", this.path, () => this.#inode.read(offset, length), this.#begun(done));
  }

  write(bytes: Uint8Array, offset: number, done: Done): void {
    const given = bytes.slice();
    const answer = this.#begun(done);
    writeWhole(this.#writeSome, this.path, bytes, offset, (error) => {
      assert(equalBytes(given, bytes), "bytes do not change while they are written");
      answer(error);
    });
  }

  /** The bytes are seen at once; a durable file has them for good when it calls back. */
  readonly #writeSome: WriteSome = (bytes, offset, done) => {
    const failure = this.#files.refusal("write", this.path);
    const count = failure === null ? this.#files.taken(this.path, bytes.length) : this.#brokenOff(bytes);
    this.#inode.write(bytes.subarray(0, count), offset);
    const marked = this.#inode.mark();
    this.#files.soon(() => {
      if (this.#isDurable) endSync(this.#inode, marked, failure);
      if (failure !== null) done(failure);
      else done(null, count);
    });
  };

  /** How much a write that fails has written. */
  #brokenOff(bytes: Uint8Array): number {
    return this.#isDurable ? bytes.length : bytes.length >>> 1;
  }

  sync(done: Done): void {
    const marked = this.#inode.mark();
    const failure = this.#files.refusal("sync", this.path);
    const answer = this.#begun(done);
    this.#files.soon(() => {
      endSync(this.#inode, marked, failure);
      answer(failure);
    });
  }

  /** A real descriptor may belong to another file by the time a call that is under way makes use of it. */
  close(): void {
    assert(this.#underWay === 0, `${this.path} is closed only when nothing is under way`);
  }

  #begun<Value>(done: Callback<Value>): Callback<Value> {
    this.#underWay += 1;
    return (error, value) => {
      this.#underWay -= 1;
      done(error, value);
    };
  }
}

type Marked = ReturnType<Inode["mark"]>;

function endSync(inode: Inode, marked: Marked, failure: QuorateError | null): void {
  if (failure === null) inode.settle(marked);
  else inode.forget(marked);
}
