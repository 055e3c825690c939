import type { Callback, Done } from "../base/callback.ts";

/**
 * The seam to the disk: small enough that a power cut can be written as an object. `node-files.ts` is the real one,
 * `memory-files.ts` the twin that knows what was synced and what was not.
 *
 * Paths are relative to the data directory, with `/` between parts. Every failure is an ERR_DISK with the operation
 * and the path. What ends in `Sync` blocks and throws: it is for start-up. The rest calls back later, never at once.
 */
export interface Files {
  /** Takes the directory for this process, creating it where needed. Throws ERR_LOCKED. */
  lock(): void;
  unlock(): void;

  /** Names of the files in a directory, sorted; none where the directory does not exist. */
  listSync(directory: string): string[];
  readSync(path: string): Uint8Array;
  makeDirectorySync(path: string): void;
  /** Creates or empties, writes, syncs. */
  writeSync(path: string, bytes: Uint8Array): void;
  renameSync(from: string, to: string): void;
  removeSync(path: string): void;
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectorySync(path: string): void;

  /** Opens a file to be read and written at offsets. `create` fails where the file exists. */
  openSync(path: string, mode: "create" | "read-write" | "read"): File;

  open(path: string, mode: "create" | "read-write" | "read", done: Callback<File>): void;
  rename(from: string, to: string, done: Done): void;
  remove(path: string, done: Done): void;
  syncDirectory(path: string, done: Done): void;
}

export interface File {
  readonly path: string;
  sizeSync(): number;
  /** Up to `length` bytes from `offset`; fewer only at the end of the file. */
  readSync(offset: number, length: number): Uint8Array;
  read(offset: number, length: number, done: Callback<Uint8Array>): void;
  /** Writes all the bytes or fails. They survive a power cut only after `sync`. */
  write(bytes: Uint8Array, offset: number, done: Done): void;
  writeSync(bytes: Uint8Array, offset: number): void;
  /** Makes durable what was written before the call. Never called again after it failed. */
  sync(done: Done): void;
  syncSync(): void;
  truncateSync(length: number): void;
  close(done: Done): void;
}
