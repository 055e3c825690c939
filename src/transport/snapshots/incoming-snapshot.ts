import type { Done } from "../../base/callback.ts";
import type { SnapshotBegin, SnapshotChunk } from "../codec/peer-frame.ts";
import type { SnapshotLimits } from "./snapshot-limits.ts";

/** Where a snapshot's bytes go. Each call waits for the callback of the one before. */
export interface SnapshotSink {
  write(chunk: Uint8Array, done: Done): void;
  /** Keeps what was written, durably. */
  commit(done: Done): void;
  /** Drops what was written. */
  abort(): void;
}

/** What one incoming snapshot tells its receiver. */
export interface IncomingEvents {
  ack(received: number, isComplete: boolean): void;
  refuse(): void;
  /** The sink has kept all of it. Told before the last ack. */
  complete(): void;
}

/**
 * One snapshot on its way in. Chunks are taken in order only, and acknowledged when the sink has written them, so that
 * a slow disk slows the sender down. What is held meanwhile is bounded by the window.
 */
export class IncomingSnapshot {
  readonly begin: SnapshotBegin;
  readonly #sink: SnapshotSink;
  readonly #events: IncomingEvents;
  readonly #limits: SnapshotLimits;

  #state: "receiving" | "committing" | "complete" | "over" = "receiving";
  #queue: Uint8Array[] = [];
  #isWriting = false;
  /** Where the next chunk begins. */
  #expected = 0;
  #written = 0;
  #ticksSinceFrame = 0;

  constructor(begin: SnapshotBegin, sink: SnapshotSink, events: IncomingEvents, limits: SnapshotLimits) {
    this.begin = begin;
    this.#sink = sink;
    this.#events = events;
    this.#limits = limits;
  }

  /** Takes the announcement, the first time and each time that it is repeated. */
  onBegin(): void {
    this.#ticksSinceFrame = 0;
    this.#answer();
    this.#advance();
  }

  onChunk({ offset, bytes }: SnapshotChunk): void {
    this.#ticksSinceFrame = 0;
    if (this.#state !== "receiving" || offset !== this.#expected) {
      // Repeated or too early: say where we are.
      this.#answer();
      return;
    }
    const isSound = bytes.length <= this.#limits.chunkBytesMax && offset + bytes.length <= this.begin.size;
    if (bytes.length === 0 || !isSound) {
      this.#fail();
      return;
    }
    // A sender that keeps to the window never gets here with a full queue.
    if (this.#queue.length >= this.#limits.windowChunks) return;
    this.#queue.push(bytes);
    this.#expected += bytes.length;
    this.#advance();
  }

  /** Lets one tick pass; whether the sender has been silent for too long. */
  tick(): boolean {
    this.#ticksSinceFrame += 1;
    const isBusy = this.#isWriting || this.#state === "committing";
    return !isBusy && this.#ticksSinceFrame > this.#limits.silentTicksMax;
  }

  /** Drops what is not kept yet. What is being committed may still be kept, but nobody is told. */
  abort(): void {
    if (this.#state === "receiving") this.#sink.abort();
    if (this.#state !== "complete") this.#state = "over";
    this.#queue = [];
  }

  #advance(): void {
    if (this.#state !== "receiving" || this.#isWriting) return;
    const chunk = this.#queue.shift();
    if (chunk !== undefined) this.#write(chunk);
    else if (this.#written === this.begin.size) this.#commit();
  }

  #write(chunk: Uint8Array): void {
    this.#isWriting = true;
    this.#sink.write(chunk, (error) => {
      this.#isWriting = false;
      if (this.#state !== "receiving") return;
      if (error !== null) {
        this.#fail();
        return;
      }
      this.#written += chunk.length;
      this.#answer();
      this.#advance();
    });
  }

  #commit(): void {
    this.#state = "committing";
    this.#sink.commit((error) => {
      if (this.#state !== "committing") return;
      if (error !== null) {
        this.#fail();
        return;
      }
      this.#state = "complete";
      this.#events.complete();
      this.#answer();
    });
  }

  #fail(): void {
    this.abort();
    this.#answer();
  }

  #answer(): void {
    if (this.#state === "over") this.#events.refuse();
    else this.#events.ack(this.#written, this.#state === "complete");
  }
}
