import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { Done } from "../../base/callback.ts";
import { crc32 } from "../../base/checksum.ts";
import type { HardState } from "../../raft/effects.ts";
import { corrupt } from "../files/corrupt.ts";
import type { File, Files } from "../files/files.ts";
import { STATE_SLOT_PATHS } from "../layout/data-dir.ts";

const SLOT_MAGIC = 0x4f4c5351; // "QSLO"
const SLOT_BYTES = 56;

/**
 * A second copy of the hard state, never ahead of the WAL: written with each new term or vote, and otherwise every
 * `stateCopyMs` while anything is written. Its worth at the next start: the WAL must reach at least as far as it says, so
 * that damage to the end of the WAL is told from a torn write; and when the WAL is damaged, term and vote are not lost with it.
 */
export interface SavedState {
  /** All frames up to this sequence were durable when the state was written. */
  readonly sequence: number;
  readonly hardState: HardState;
}

/** Two files written in turn: a crash can hurt one of them at most, so both damaged means a bad disk. */
export class StateSlots {
  readonly #slots: readonly [File, File];
  readonly #seed: number;
  readonly #bootEpoch: number;
  #counter: number;
  #oldest: 0 | 1;
  #isWriting = false;
  readonly #waiting: { readonly state: SavedState; readonly done: Done }[] = [];

  private constructor(
    slots: readonly [File, File],
    seed: number,
    { counter, bootEpoch, oldest }: LoadedState,
  ) {
    this.#slots = slots;
    this.#seed = seed;
    this.#bootEpoch = bootEpoch;
    this.#counter = counter;
    this.#oldest = oldest;
  }

  /** Makes both files, for a new store. */
  static create(files: Files, state: SavedState, seed: number): void {
    for (const [at, path] of STATE_SLOT_PATHS.entries())
      files.writeSync(path, encodeSlot({ ...state, counter: at + 1, bootEpoch: 0 }, seed));
    files.syncDirectorySync("");
  }

  /** Both states, null for one that cannot be read. */
  static read(files: Files, seed: number): readonly [Slot | null, Slot | null] {
    const names = files.listSync("");
    const read = (path: string): Slot | null =>
      names.includes(path) ? decodeSlot(files.readSync(path), seed) : null;
    return [read(STATE_SLOT_PATHS[0]), read(STATE_SLOT_PATHS[1])];
  }

  /** Reads the newer of the two states, when both can be read. Throws ERR_CORRUPT: either might be the newer one. */
  static loadIntact(files: Files, seed: number): LoadedState {
    const slots = StateSlots.read(files, seed);
    const damaged = slots.indexOf(null);
    if (damaged === -1) return StateSlots.load(files, seed);
    const reason = "this copy of the hard state cannot be read; it may be the newer one, with a vote";
    throw corrupt({ file: STATE_SLOT_PATHS[damaged]!, offset: 0, reason });
  }

  /** Reads the newer of the two states. Throws ERR_CORRUPT. */
  static load(files: Files, seed: number): LoadedState {
    const [a, b] = StateSlots.read(files, seed);
    const newest = a !== null && (b === null || a.counter > b.counter) ? a : b;
    if (newest === null) {
      throw corrupt({
        file: STATE_SLOT_PATHS[0],
        offset: 0,
        reason: "neither copy of the hard state can be read; this member may have forgotten a vote",
      });
    }
    return { ...newest, oldest: newest === a ? 1 : 0 };
  }

  /**
   * Writes `state` over the older or damaged copy of those loaded, and keeps both files open for `write`. The manifest
   * must say `bootEpoch` already.
   */
  static open(
    files: Files,
    loaded: LoadedState,
    { sequence, hardState }: SavedState,
    { bootEpoch, seed }: { readonly bootEpoch: number; readonly seed: number },
  ): StateSlots {
    const slot: Slot = { sequence, hardState, bootEpoch, counter: loaded.counter + 1 };
    files.writeSync(STATE_SLOT_PATHS[loaded.oldest], encodeSlot(slot, seed));
    files.syncDirectorySync("");
    const a = files.openSync(STATE_SLOT_PATHS[0], "durable");
    const b = files.openSync(STATE_SLOT_PATHS[1], "durable");
    return new StateSlots([a, b], seed, { ...slot, oldest: loaded.oldest === 0 ? 1 : 0 });
  }

  /** Writes over the older copy, once what is under way is done: two at a time could hurt both copies. */
  write(state: SavedState, done: Done): void {
    this.#waiting.push({ state, done });
    if (!this.#isWriting) this.#writeNext();
  }

  close(): void {
    for (const file of this.#slots) file.close();
  }

  #writeNext(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#isWriting = true;
    this.#counter += 1;
    const file = this.#slots[this.#oldest];
    this.#oldest = this.#oldest === 0 ? 1 : 0;
    const { sequence, hardState } = next.state;
    const slot: Slot = { sequence, hardState, bootEpoch: this.#bootEpoch, counter: this.#counter };
    file.write(encodeSlot(slot, this.#seed), 0, (error) => {
      this.#isWriting = false;
      next.done(error);
      // After a failure nothing is written any more.
      if (error !== null) for (const { done } of this.#waiting.splice(0)) done(error);
      else if (!this.#isWriting) this.#writeNext();
    });
  }
}

export interface Slot extends SavedState {
  /** Tells which of the two is newer. */
  readonly counter: number;
  /** That of the start that wrote it, which the manifest knew before. */
  readonly bootEpoch: number;
}

export interface LoadedState extends Slot {
  /** The slot that may be written over. */
  readonly oldest: 0 | 1;
}

/** `magic u32 | counter u64 | boot epoch u64 | sequence u64 | term u64 | vote u64 | commit u64 | checksum u32` */
function encodeSlot({ counter, bootEpoch, sequence, hardState }: Slot, seed: number): Uint8Array {
  const writer = new ByteWriter(SLOT_BYTES);
  writer.u32(SLOT_MAGIC);
  writer.u64(counter);
  writer.u64(bootEpoch);
  writer.u64(sequence);
  writer.u64(hardState.term);
  writer.u64(hardState.vote ?? 0);
  writer.u64(hardState.commit);
  writer.u32(crc32(writer.written(), seed));
  return writer.take();
}

function decodeSlot(bytes: Uint8Array, seed: number): Slot | null {
  if (bytes.length < SLOT_BYTES) return null;
  const checksum = new ByteReader(bytes, SLOT_BYTES - 4).u32();
  if (crc32(bytes.subarray(0, SLOT_BYTES - 4), seed) !== checksum) return null;
  const reader = new ByteReader(bytes);
  if (reader.u32() !== SLOT_MAGIC) return null;
  const counter = reader.u64();
  const bootEpoch = reader.u64();
  const sequence = reader.u64();
  const term = reader.u64();
  const vote = reader.u64();
  const hardState = { term, vote: vote === 0 ? undefined : vote, commit: reader.u64() };
  return { counter, bootEpoch, sequence, hardState };
}
