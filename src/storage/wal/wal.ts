import type { Done } from "../../base/callback.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import type { QuorateError } from "../../base/errors.ts";
import type { Index } from "../../log/entry.ts";
import type { HardState, Save } from "../../raft/effects.ts";
import type { Manifest } from "../layout/manifest.ts";
import { writeDurations } from "../storage-metrics.ts";
import { Batch } from "./batch.ts";
import { FRAMES_OFFSET } from "./segment.ts";
import type { SegmentRow } from "./segment-row.ts";
import type { SavedState, StateSlots } from "./state-slots.ts";

/** Where a WAL goes on: after its last frame. */
export interface WalStart {
  readonly offset: number;
  readonly sequence: number;
  readonly checksum: number;
  readonly hardState: HardState;
}

export interface WalParts {
  readonly row: SegmentRow;
  readonly manifest: Manifest;
  readonly slots: StateSlots;
  readonly clock: Clock;
  readonly batchBytesMax: number;
  readonly stateCopyMs: number;
  readonly seed: number;
}

/** A frame on its way to the disk. */
interface Flight {
  readonly batch: Batch;
  readonly length: number;
  readonly checksum: number;
  readonly dones: readonly Done[];
  /** When the disk was given it, by the clock that counts on. */
  readonly since: number;
}

/**
 * The write-ahead log: makes steps durable in the order in which they come, with one write as many as have gathered
 * while the write before was under way.
 *
 * Invariants:
 * 1. One write is under way at most; the bytes of a frame are handed to the disk only when the frame before it is
 *    durable. So what cannot be read before a later frame is damage, never an unfinished write.
 * 2. Callbacks come in the order of the steps, never from within `save`.
 * 3. After a failure nothing is written any more and every callback has the error.
 * 4. The second copy of the hard state speaks of durable frames only, and is `stateCopyMs` behind them at most.
 */
export class Wal {
  readonly metrics = { writes: writeDurations(), bytesWritten: 0 };
  readonly #parts: WalParts;
  #offset: number;
  #sequence: number;
  #checksum: number;

  /** Takes in the steps that come while a frame is on its way. This batch and the spare one change places at each write. */
  #filling: Batch;
  #spare: Batch;
  #flight: Flight | null = null;
  /** Steps that found the batch full. The core bounds them: it stops taking proposals when too many bytes wait. */
  #waiting: { readonly step: Save; readonly done: Done }[] = [];
  /** Callbacks that need no disk; they are made with the next chance. */
  #released: Done[] = [];

  /** As the last durable frame has it. */
  #durableState: HardState;
  /** As the second copy has it. */
  #savedState: SavedState;
  /** Copies of the hard state that are on their way to the disk. */
  #copiesUnderWay = 0;
  #copyTimer: Timer | null = null;

  #failure: QuorateError | null = null;
  #closed: Done | null = null;

  constructor(parts: WalParts, start: WalStart) {
    this.#parts = parts;
    this.#offset = start.offset;
    this.#sequence = start.sequence;
    this.#checksum = start.checksum;
    this.#filling = new Batch(start.hardState);
    this.#spare = new Batch(start.hardState);
    this.#durableState = start.hardState;
    this.#savedState = start;
  }

  save(step: Save, done: Done): void {
    if (this.#failure !== null) {
      this.#release([done]);
      return;
    }
    this.#admit(step, done);
    if (this.#flight === null) this.#proceed();
  }

  /** Gives up segments that hold nothing above `index`. */
  dropTo(index: Index): void {
    this.#parts.row.dropTo(index, (error) => {
      if (error !== null) this.fail(error);
    });
  }

  /** Stops for good: nobody knows what is on the disk. The next start finds out. */
  fail(error: QuorateError): void {
    this.#failure ??= error;
    this.#copyTimer?.cancel();
    this.#released.push(...(this.#flight?.dones ?? []), ...this.#filling.takeDones());
    this.#released.push(...this.#waiting.splice(0).map(({ done }) => done));
    this.#callReleased();
    this.#settle();
  }

  /** Calls back when all that was saved is durable and nothing is under way any more. No save may follow. */
  close(done: Done): void {
    this.#closed = done;
    this.#parts.clock.soon(() => this.#settle());
  }

  #admit(step: Save, done: Done): void {
    const isFull = this.#filling.length >= this.#parts.batchBytesMax;
    if (isFull || this.#waiting.length > 0) this.#waiting.push({ step, done });
    else this.#filling.add(step, done);
  }

  /** Goes on with what has gathered, now that no frame is on its way. */
  #proceed(): void {
    if (this.#filling.mustWrite) {
      this.#write();
      return;
    }
    // Only commit indexes: they travel with the next frame, or with the second copy of the hard state.
    const dones = this.#filling.takeDones();
    if (dones.length > 0) this.#release(dones);
    this.#planCopy();
  }

  #write(): void {
    const batch = this.#filling;
    if (!this.#makeRoom(batch.length)) return;
    const { row, seed } = this.#parts;
    const place = {
      segment: row.active.number,
      offset: this.#offset,
      sequence: this.#sequence + 1,
      previous: this.#checksum,
    };
    const { bytes, checksum } = batch.seal(place, seed);
    const since = this.#parts.clock.monotonic();
    this.#flight = { batch, length: bytes.length, checksum, dones: batch.takeDones(), since };
    this.#swapBatches();
    row.file.write(bytes, place.offset, this.#onWritten);
  }

  /** False while the segment that is needed is not ready; then writing goes on by itself once it is. */
  #makeRoom(length: number): boolean {
    const { row } = this.#parts;
    if (this.#offset + length > row.capacity && this.#offset !== FRAMES_OFFSET && row.hasNext) {
      row.advance(this.#sequence + 1, this.#checksum);
      this.#offset = FRAMES_OFFSET;
    }
    if (this.#offset + length <= row.capacity) return true;
    // A frame that is longer than a segment lengthens the one that it begins.
    if (this.#offset === FRAMES_OFFSET) this.#prepare((done) => row.lengthen(this.#offset + length, done));
    else this.#prepareNext();
    return false;
  }

  #swapBatches(): void {
    const full = this.#filling;
    this.#filling = this.#spare;
    this.#spare = full;
    this.#filling.reset(full.hardState);
    for (const { step, done } of this.#waiting.splice(0)) this.#admit(step, done);
  }

  readonly #onWritten: Done = (error) => {
    const { batch, length, since } = this.#flight!;
    this.metrics.writes.note(this.#parts.clock.monotonic() - since);
    this.metrics.bytesWritten += length;
    const { term, vote } = this.#savedState.hardState;
    const isKnown = batch.hardState.term === term && batch.hardState.vote === vote;
    if (isKnown || error !== null || this.#failure !== null) this.#onDurable(error);
    // A vote is promised only when both copies of the hard state hold it: what is lost of the WAL takes no vote along.
    else this.#copyState({ sequence: this.#sequence + 1, hardState: batch.hardState }, this.#onDurable);
  };

  readonly #onDurable: Done = (error) => {
    const flight = this.#flight!;
    this.#flight = null;
    if (this.#failure !== null) return this.#settle();
    if (error !== null) {
      this.#release(flight.dones);
      return this.fail(error);
    }
    this.#noteWritten(flight);
    this.#callReleased();

    // The disk goes on before anybody is told, so that it never waits for callbacks.
    const riders = this.#filling.mustWrite ? [] : this.#filling.takeDones();
    if (this.#filling.mustWrite) this.#write();
    for (const done of flight.dones) done(null);
    for (const done of riders) done(null);
    this.#lookAhead();
  };

  #noteWritten({ batch, length, checksum }: Flight): void {
    const { active } = this.#parts.row;
    active.isBegun = true;
    active.lastIndex = Math.max(active.lastIndex, batch.last.index);
    this.#offset += length;
    this.#sequence += 1;
    this.#checksum = checksum;
    this.#durableState = batch.hardState;
    this.#parts.manifest.noteDurable(this.#sequence);
  }

  /** What need not be done at once, but in time. */
  #lookAhead(): void {
    const { row } = this.#parts;
    if (this.#offset * 2 > row.capacity && !row.hasNext && this.#closed === null) this.#prepareNext();
    this.#planCopy();
    this.#settle();
  }

  #prepareNext(): void {
    this.#prepare((done) => this.#parts.row.prepare(done));
  }

  #prepare(prepare: (done: Done) => void): void {
    if (this.#parts.row.isPreparing || this.#failure !== null) return;
    prepare((error) => {
      // When a full disk is closed it gives up on the next segment, which harms nothing unless a step waits for it.
      const isNeeded = this.#closed === null || this.#filling.mustWrite;
      if (error !== null && isNeeded) return this.fail(error);
      if (this.#flight === null && this.#failure === null) this.#proceed();
      this.#settle();
    });
  }

  /** Brings the second copy of the hard state up to date in time: invariant 4. */
  #planCopy(): void {
    const isOver = this.#failure !== null || this.#closed !== null;
    if (isOver || this.#copyTimer !== null || !this.#isStateBehind()) return;
    this.#copyTimer = this.#parts.clock.after(this.#parts.stateCopyMs, () => {
      this.#copyTimer = null;
      // What is on its way may hold a vote that is newer than the last durable frame; it is followed up at its end.
      if (this.#copiesUnderWay === 0 && this.#isStateBehind()) this.#saveState();
      this.#planCopy();
    });
  }

  /** A batch that nothing need be written of holds, with the commit index, the hard state of all that is durable. */
  get #provenState(): HardState {
    const isAllDurable = this.#flight === null && !this.#filling.mustWrite;
    return isAllDurable ? this.#filling.hardState : this.#durableState;
  }

  #isStateBehind(): boolean {
    const { sequence, hardState } = this.#savedState;
    const { term, vote, commit } = this.#provenState;
    return (
      sequence !== this.#sequence ||
      hardState.term !== term ||
      hardState.vote !== vote ||
      hardState.commit !== commit
    );
  }

  #saveState(): void {
    this.#copyState({ sequence: this.#sequence, hardState: this.#provenState }, (error) => {
      if (error !== null) return this.fail(error);
      this.#planCopy();
      this.#settle();
    });
  }

  #copyState(state: SavedState, done: Done): void {
    this.#copiesUnderWay += 1;
    this.#parts.slots.write(state, (error) => {
      this.#copiesUnderWay -= 1;
      if (error === null) this.#savedState = state;
      done(error);
    });
  }

  #isBusy(): boolean {
    const isUnderWay = this.#flight !== null || this.#copiesUnderWay > 0 || this.#parts.row.isPreparing;
    return isUnderWay || (this.#failure === null && this.#filling.mustWrite);
  }

  /** Ends a `close` once nothing is under way. */
  #settle(): void {
    if (this.#closed === null || this.#isBusy()) return;
    this.#callReleased();
    if (this.#failure === null && this.#isStateBehind()) this.#saveState();
    else this.#end(this.#closed);
  }

  #end(done: Done): void {
    this.#closed = null;
    this.#copyTimer?.cancel();
    this.#parts.row.close();
    this.#parts.slots.close();
    done(this.#failure);
  }

  #release(dones: readonly Done[]): void {
    if (this.#released.length === 0) this.#parts.clock.soon(() => this.#callReleased());
    this.#released.push(...dones);
  }

  #callReleased(): void {
    for (const done of this.#released.splice(0)) done(this.#failure);
  }
}
