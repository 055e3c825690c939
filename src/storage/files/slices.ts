import { EMPTY_BYTES } from "../../base/bytes.ts";
import type { Clock } from "../../base/clock.ts";
import type { Files } from "./files.ts";

/** Work that pauses now and then. At each pause the event loop may turn to something else. */
export type Slices<Value> = Generator<undefined, Value, undefined>;

/** About so much is read or checked between two pauses: some milliseconds, even where entries are small. */
export const SLICE_BYTES = 512 * 1024;

/** Does all of it without a pause. */
export function atOnce<Value>(slices: Slices<Value>): Value {
  for (;;) {
    const { done, value } = slices.next();
    if (done === true) return value;
  }
}

/** Does it slice by slice, and other work in between. What it throws is handed to `done`. */
export function inSlices<Value>(
  clock: Clock,
  slices: Slices<Value>,
  done: (error: unknown, value?: Value) => void,
): void {
  const next = (): void => {
    let slice: IteratorResult<undefined, Value>;
    try {
      slice = slices.next();
    } catch (error) {
      done(error);
      return;
    }
    if (slice.done === true) done(null, slice.value);
    else clock.soon(next);
  };
  clock.soon(next);
}

/** Memory that one file after the other is read into: what was read last is good until the next is read. */
export class ReadBuffer {
  #bytes = EMPTY_BYTES;

  take(length: number): Uint8Array {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length);
    return this.#bytes.subarray(0, length);
  }
}

/** All bytes of a file. Throws ERR_DISK. */
export function* readWhole(files: Files, path: string, buffer: ReadBuffer): Slices<Uint8Array> {
  const file = files.openSync(path, "read");
  try {
    const bytes = buffer.take(file.sizeSync());
    for (let offset = 0; offset < bytes.length; offset += SLICE_BYTES) {
      const room = bytes.subarray(offset, offset + SLICE_BYTES);
      const piece = file.readSync(offset, room.length, room);
      if (piece.buffer !== room.buffer) room.set(piece);
      // Bytes that could not be read are no zeros.
      if (piece.length < room.length) return bytes.subarray(0, offset + piece.length);
      yield;
    }
    return bytes;
  } finally {
    file.close();
  }
}
