import type { Callback, Done } from "../../base/callback.ts";
import { diskError } from "../disk-error.ts";

/** Writes bytes at an offset, and tells how many of them the system took, from the first on: it may be fewer than all. */
export type WriteSome = (bytes: Uint8Array, offset: number, done: Callback<number>) => void;

/** The same for start-up: returns the count, or throws. */
export type WriteSomeSync = (bytes: Uint8Array, offset: number) => number;

/**
 * Writes all the bytes or fails: what a call leaves over is given to the next one (POSIX write(2) promises no more than
 * one byte). A call that takes nothing at all fails, since asking again could go on for ever.
 */
export function writeWhole(
  write: WriteSome,
  path: string,
  bytes: Uint8Array,
  offset: number,
  done: Done,
): void {
  write(bytes, offset, (error, count = 0) => {
    if (error !== null) done(error);
    else if (count === bytes.length) done(null);
    else if (count === 0) done(diskError("write", path));
    else writeWhole(write, path, bytes.subarray(count), offset + count, done);
  });
}

/** The same for start-up. */
export function writeWholeSync(write: WriteSomeSync, path: string, bytes: Uint8Array, offset: number): void {
  let rest = bytes;
  while (rest.length > 0) {
    const count = write(rest, offset + bytes.length - rest.length);
    if (count === rest.length) return;
    if (count === 0) throw diskError("write", path);
    rest = rest.subarray(count);
  }
}
