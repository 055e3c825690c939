import { assert } from "../../base/assert.ts";
import type { Done } from "../../base/callback.ts";
import type { Index } from "../../log/entry.ts";
import type { File, Files } from "../files/files.ts";
import type { DiskReserve } from "../layout/disk-reserve.ts";
import type { DiskLimits } from "../layout/limits.ts";
import type { Manifest } from "../layout/manifest.ts";
import { lengthenSegment, prepareSegment, type Segment, segmentPath } from "./segment.ts";

export interface SegmentRowParts {
  readonly files: Files;
  readonly manifest: Manifest;
  readonly room: DiskReserve;
  readonly limits: DiskLimits;
  readonly seed: number;
}

/** Segments as a start found them, the last one opened for writing. */
export interface SegmentRowStart {
  readonly segments: readonly Segment[];
  /** No segment that is made from now on has this number or a lower one. */
  readonly newestNumber: number;
  readonly file: File;
  readonly capacity: number;
}

/** A segment that is ready before it is needed. */
interface Prepared {
  readonly number: number;
  readonly file: File;
  readonly capacity: number;
}

/**
 * The segments of a WAL: the one that is written, those before it, and the one prepared for later. A segment is
 * named in the manifest before it is handed out. So a missing file is a loss, never the trace of a crash.
 */
export class SegmentRow {
  readonly #parts: SegmentRowParts;
  readonly #segments: Segment[];
  #newestNumber: number;
  #file: File;
  #capacity: number;
  #next: Prepared | null = null;
  #isPreparing = false;

  constructor(parts: SegmentRowParts, start: SegmentRowStart) {
    this.#parts = parts;
    this.#segments = [...start.segments];
    this.#newestNumber = start.newestNumber;
    this.#file = start.file;
    this.#capacity = start.capacity;
  }

  /** Oldest first; the last one is being written. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** The segment that is written. */
  get active(): Segment {
    return this.#segments.at(-1)!;
  }

  get file(): File {
    return this.#file;
  }

  get capacity(): number {
    return this.#capacity;
  }

  get hasNext(): boolean {
    return this.#next !== null;
  }

  get isPreparing(): boolean {
    return this.#isPreparing;
  }

  /**
   * Makes the segment after the active one, twice as long up to the limit, so that a small store stays small; shorter
   * where the disk has not that much room. Calls back when it is ready.
   */
  prepare(done: Done): void {
    assert(this.#next === null && !this.#isPreparing, "one segment is prepared at a time");
    this.#isPreparing = true;
    this.#newestNumber += 1;
    const number = this.#newestNumber;
    const { files, manifest, room, limits, seed } = this.#parts;
    const wanted = Math.max(this.#capacity, Math.min(this.#capacity * 2, limits.segmentBytes));
    const finish: Done = (error) => {
      this.#isPreparing = false;
      done(error);
    };
    prepareSegment(files, room, { number, capacity: wanted, seed }, (error, capacity = wanted) => {
      if (error !== null) return finish(error);
      manifest.update({ segments: [...manifest.content.segments, number] }, (failure) => {
        if (failure !== null) return finish(failure);
        files.open(segmentPath(number), "durable", (refusal, file) => {
          if (file !== undefined) this.#next = { number, file, capacity };
          finish(refusal);
        });
      });
    });
  }

  /** Makes the active segment longer, for a frame that it is too short for. Calls back when there is room. */
  lengthen(length: number, done: Done): void {
    assert(!this.#isPreparing, "one segment is prepared at a time");
    this.#isPreparing = true;
    lengthenSegment(this.#file, this.#parts.room, this.#capacity, length, (error) => {
      this.#isPreparing = false;
      if (error === null) this.#capacity = length;
      done(error);
    });
  }

  /** Goes on to the prepared segment, which takes up the chain of frames with `firstSequence` after `previous`. */
  advance(firstSequence: number, previous: number): void {
    assert(this.#next !== null, "the next segment is prepared");
    this.#file.close();
    const { number, file, capacity } = this.#next;
    this.#next = null;
    this.#file = file;
    this.#capacity = capacity;
    this.#segments.push({ number, firstSequence, previous, lastIndex: 0, isBegun: false });
  }

  /** Gives up the oldest segments, as far as they hold nothing above `index`. Calls back if there are any. */
  dropTo(index: Index, done: Done): void {
    const dropped: number[] = [];
    while (this.#canDropOldest(index)) dropped.push(this.#segments.shift()!.number);
    const oldest = this.#segments[0];
    if (dropped.length === 0 || oldest === undefined) return;
    const { files, manifest } = this.#parts;
    const segments = manifest.content.segments.filter((number) => !dropped.includes(number));
    const { firstSequence, previous } = oldest;
    manifest.update({ segments, firstSequence, firstPrevious: previous }, (error) => {
      // A file that cannot be removed only takes up room, and goes with the next start.
      if (error === null) for (const number of dropped) files.remove(segmentPath(number), () => {});
      done(error);
    });
  }

  close(): void {
    this.#file.close();
    this.#next?.file.close();
    this.#next = null;
  }

  /** Every frame repeats the hard state: a segment may go once a later one has a durable frame. */
  #canDropOldest(index: Index): boolean {
    const [oldest, successor] = this.#segments;
    return oldest !== undefined && successor?.isBegun === true && oldest.lastIndex <= index;
  }
}
