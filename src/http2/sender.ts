import { SendWindow } from "./flow-window.ts";
import { FrameWriter } from "./frame-writer.ts";
import type { Outgoing } from "./outgoing.ts";
import { FRAME_PAYLOAD_BYTES_MAX, WINDOW_BYTES_DEFAULT } from "./protocol.ts";

/** Data waits in its streams as long as so much was handed out and not sent. */
const UNSENT_BYTES_MAX = 256 * 1024;

/** Where what was written goes. */
export interface Outlet {
  /** Bytes that were handed out and are not sent yet. */
  readonly unsent: number;
  /** Asks that what was written be taken before this turn is over. */
  wake(): void;
  /** What was written until now is the last. */
  end(): void;
}

export interface SenderEvents {
  /** Some data has to wait. */
  onQueued(): void;
  /** Nothing of the stream's data waits any more. */
  onDrained(streamId: number): void;
  /** The end of the stream was written. */
  onEnded(streamId: number): void;
}

/** Sends what streams have to say, as far as the client, the connection and the socket take it, and each in its turn. */
export class Sender {
  readonly frames = new FrameWriter();
  /** What a stream may send at first: the client says so. */
  streamWindowBytes = WINDOW_BYTES_DEFAULT;
  readonly #window = new SendWindow(WINDOW_BYTES_DEFAULT);
  readonly #outlet: Outlet;
  readonly #events: SenderEvents;
  /** Streams with data that waits, in the order in which they are next. */
  readonly #waiting = new Set<Outgoing>();
  #queued = 0;

  constructor(outlet: Outlet, events: SenderEvents) {
    this.#outlet = outlet;
    this.#events = events;
  }

  /** The streams whose data has waited for so long without any of it being sent. To be called now and then. */
  stalled(now: number, ms: number): Outgoing[] {
    const stalled: Outgoing[] = [];
    for (const outgoing of this.#waiting) {
      if (outgoing.hasMoved) outgoing.stalledSince = now;
      else if (now - outgoing.stalledSince >= ms) stalled.push(outgoing);
      outgoing.hasMoved = false;
    }
    return stalled;
  }

  /** Bytes that wait in streams. */
  get queued(): number {
    return this.#queued;
  }

  /** A block that is not the last of its stream. */
  headers(outgoing: Outgoing, block: Uint8Array): void {
    this.frames.headers(outgoing.streamId, block, false);
    this.#outlet.wake();
  }

  /** False when some of it has to wait. */
  data(outgoing: Outgoing, bytes: Uint8Array): boolean {
    this.#outlet.wake();
    if (outgoing.length === 0 && bytes.length <= this.#room(outgoing)) {
      this.#write(outgoing, bytes, 0, bytes.length);
      return true;
    }
    if (outgoing.length === 0) outgoing.hasMoved = true;
    outgoing.push(bytes);
    this.#queued += bytes.length;
    this.#events.onQueued();
    this.#waiting.add(outgoing);
    while (this.#step(outgoing));
    return outgoing.length === 0;
  }

  /** The block that a stream ends with. It goes behind its data. */
  end(outgoing: Outgoing, block: Uint8Array): void {
    outgoing.last = block;
    if (outgoing.length === 0) this.#finish(outgoing);
  }

  /** A stream that sends nothing more. */
  forget(outgoing: Outgoing): void {
    if (this.#waiting.delete(outgoing)) this.#queued -= outgoing.length;
  }

  /** False where the window would get larger than any may be. */
  openWindow(bytes: number): boolean {
    const isSound = this.#window.open(bytes);
    this.pump();
    return isSound;
  }

  openStream(outgoing: Outgoing, bytes: number): boolean {
    const isSound = outgoing.window.open(bytes);
    if (this.#waiting.has(outgoing)) while (this.#step(outgoing));
    return isSound;
  }

  /** Sends what may be sent by now, one frame of each stream in turn. */
  pump(): void {
    for (let isMoving = true; isMoving && this.#waiting.size > 0; ) {
      isMoving = false;
      for (const outgoing of this.#waiting) isMoving = this.#step(outgoing) || isMoving;
    }
  }

  /** Sends a frame of what waits. False when there is nothing, or no room for it. */
  #step(outgoing: Outgoing): boolean {
    const room = this.#room(outgoing);
    if (room <= 0 || outgoing.length === 0) return false;
    const before = outgoing.length;
    outgoing.hasMoved = true;
    outgoing.shift(room, (part, from, to) => this.#write(outgoing, part, from, to));
    this.#queued -= before - outgoing.length;
    this.#outlet.wake();
    if (outgoing.length === 0) this.#drained(outgoing);
    return true;
  }

  #drained(outgoing: Outgoing): void {
    this.#waiting.delete(outgoing);
    if (outgoing.last !== null) this.#finish(outgoing);
    else this.#events.onDrained(outgoing.streamId);
  }

  #finish(outgoing: Outgoing): void {
    this.frames.headers(outgoing.streamId, outgoing.last!, true);
    outgoing.isOver = true;
    this.#outlet.wake();
    this.#events.onEnded(outgoing.streamId);
  }

  #write(outgoing: Outgoing, bytes: Uint8Array, from: number, to: number): void {
    this.frames.data(outgoing.streamId, bytes, from, to);
    outgoing.window.take(to - from);
    this.#window.take(to - from);
  }

  /** How long a frame of this stream may be now. */
  #room({ window }: Outgoing): number {
    if (this.frames.length + this.#outlet.unsent >= UNSENT_BYTES_MAX) return 0;
    return Math.min(this.#window.left, window.left, FRAME_PAYLOAD_BYTES_MAX);
  }
}
