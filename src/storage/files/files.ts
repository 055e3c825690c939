import type { Callback, Done } from "../../base/callback.ts";
import type { QuorateError } from "../../base/errors.ts";

/**
 * The seam to the disk: small enough that a power cut can be written as an object. `node-files.ts` is the real one,
 * `memory-files.ts` the twin that knows what was synced and what was not.
 *
 * Paths are relative to the data directory, which is "", with `/` between parts. Every failure is an ERR_DISK with
 * the operation and the path. What ends in `Sync` blocks and throws: it is for start-up. The rest calls back later,
 * never at once.
 */
export interface Files {
  /** Where the directory lies, for people. */
  readonly directory?: string;

  /**
   * Takes the directory for this process, creating it where needed. Blocks, and does not wait for anybody. Throws ERR_LOCKED,
   * also where it cannot be known at once that the last holder is dead.
   */
  lock(): void;
  /** The same, and waits: for the holder as long as it was told to, and until it is known whether that one lives. */
  lockWhenFree(done: Done): void;
  unlock(): void;
  /** Fails with ERR_LOCKED where the lock is not ours any more: the directory was given to another, by force or by mistake. */
  checkLock(done: Done): void;
  /** Tells the listener, once, when the lock was found to be another's. Files that cannot lose it may leave this out. */
  onLockLost?(listener: (error: QuorateError) => void): void;

  /** Names of the files in a directory, sorted; none where the directory does not exist. */
  listSync(directory: string): string[];
  readSync(path: string): Uint8Array;
  /** Does nothing where the directory exists. */
  makeDirectorySync(path: string): void;
  /** Creates or empties, writes, syncs. */
  writeSync(path: string, bytes: Uint8Array): void;
  renameSync(from: string, to: string): void;
  removeSync(path: string): void;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectorySync(path: string): void;
  openSync(path: string, mode: OpenMode): File;

  open(path: string, mode: OpenMode, done: Callback<File>): void;
  /** Creates or empties, writes, syncs. */
  write(path: string, bytes: Uint8Array, done: Done): void;
  rename(from: string, to: string, done: Done): void;
  remove(path: string, done: Done): void;
  syncDirectory(path: string, done: Done): void;
  /**
   * How many bytes this process may still write, as far as the system knows. Where it does not, this is left out, or
   * calls back with `Infinity`.
   */
  freeBytes?(done: Callback<number>): void;
}

/**
 * `create` makes a file to be written and fails where there is one; `read` and `read-write` need the file to exist.
 * `durable` is `read-write` where each write calls back only once it would survive a power cut, so that no sync is
 * needed: one trip to the disk instead of two (O_DSYNC).
 */
export type OpenMode = "create" | "read" | "read-write" | "durable";

/** An open file. Positions and lengths are in bytes. */
export interface File {
  readonly path: string;
  sizeSync(): number;
  /**
   * Up to `length` bytes from `offset`; fewer only at the end of the file. They may be put into `into`, which has room for
   * them, in place of new memory.
   */
  readSync(offset: number, length: number, into?: Uint8Array): Uint8Array;
  read(offset: number, length: number, done: Callback<Uint8Array>): void;
  /**
   * Writes all the bytes or fails. They survive a power cut only after `sync`, unless the file is `durable`. The
   * bytes must not change before the callback.
   */
  write(bytes: Uint8Array, offset: number, done: Done): void;
  /** Makes durable what was written before the call. Never called again after it failed. */
  sync(done: Done): void;
  /** Lets go of the file; to be called when nothing is under way any more. */
  close(): void;
}
