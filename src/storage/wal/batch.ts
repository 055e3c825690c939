import { ByteWriter } from "../../base/bytes.ts";
import type { Done } from "../../base/callback.ts";
import type { Entry, EntryId } from "../../log/entry.ts";
import type { HardState, Save } from "../../raft/effects.ts";
import {
  FRAME_HEADER_BYTES,
  type FrameContent,
  type FramePlace,
  paddedLength,
  SECTOR_BYTES,
  sealFrame,
} from "../layout/frame.ts";
import { writeEntryRecord, writeRestartRecord } from "./record.ts";

const NO_ENTRY: EntryId = { index: 0, term: 0 };
const ZEROS = new Uint8Array(SECTOR_BYTES);
const HEADER_ROOM = new Uint8Array(FRAME_HEADER_BYTES);

/** A buffer that grew beyond this for one large step is not kept for the next. */
const BUFFER_BYTES_KEPT = 4 * 1024 * 1024;
const BUFFER_BYTES = 64 * 1024;

/**
 * The steps that one write makes durable, laid out as a frame while the write before it is still under way. Two
 * batches take turns for the whole life of a WAL, so that saving allocates nothing but what the caller brings.
 */
export class Batch implements FrameContent {
  #writer = new ByteWriter(BUFFER_BYTES);
  #dones: Done[] = [];
  #mustWrite = false;
  hardState: HardState;
  first: EntryId = NO_ENTRY;
  last: EntryId = NO_ENTRY;

  constructor(hardState: HardState) {
    this.hardState = hardState;
    this.#writer.bytes(HEADER_ROOM);
  }

  /** False while only commit indexes were saved: these wait for the next step that must be synced. */
  get mustWrite(): boolean {
    return this.#mustWrite;
  }

  /** As a frame, with header and padding. */
  get length(): number {
    return paddedLength(this.#writer.length);
  }

  add(step: Save, done: Done): void {
    this.#dones.push(done);
    if (step.hardState !== undefined) this.hardState = step.hardState;
    if (step.mustSync || step.entries.length > 0 || step.snapshot !== undefined) this.#mustWrite = true;
    if (step.snapshot !== undefined) writeRestartRecord(this.#writer, step.snapshot);
    for (const entry of step.entries) this.#addEntry(entry);
  }

  /** The finished frame: a view of the buffer, good until `reset`. */
  seal(place: FramePlace, seed: number): { readonly bytes: Uint8Array; readonly checksum: number } {
    this.#writer.bytes(ZEROS.subarray(0, this.length - this.#writer.length));
    const bytes = this.#writer.written();
    return { bytes, checksum: sealFrame(bytes, place, this, seed) };
  }

  /** Hands over the callbacks of the steps, in their order. */
  takeDones(): Done[] {
    const dones = this.#dones;
    this.#dones = [];
    return dones;
  }

  /** Makes the batch empty again, to go on from the hard state of the batch before it. */
  reset(hardState: HardState): void {
    if (this.#writer.length > BUFFER_BYTES_KEPT) this.#writer = new ByteWriter(BUFFER_BYTES);
    this.#writer.reset();
    this.#writer.bytes(HEADER_ROOM);
    this.#mustWrite = false;
    this.hardState = hardState;
    this.first = NO_ENTRY;
    this.last = NO_ENTRY;
  }

  #addEntry(entry: Entry): void {
    writeEntryRecord(this.#writer, entry);
    if (this.first.index === 0 || entry.index < this.first.index) this.first = entry;
    if (entry.index >= this.last.index) this.last = entry;
  }
}
