import type { Callback, Done } from "../../base/callback.ts";
import { QuorateError } from "../../base/errors.ts";
import type { SnapshotMessage } from "../../raft/message.ts";
import {
  encodePeerFrame,
  type SnapshotAck,
  type SnapshotChunk,
  type SnapshotRefuse,
} from "../codec/peer-frame.ts";
import { ChunkCutter } from "./chunk-cutter.ts";
import { SNAPSHOT_LIMITS, type SnapshotLimits } from "./snapshot-limits.ts";

/** Where a snapshot's bytes come from, one piece after the other. */
export interface SnapshotSource {
  /** Length of all pieces together, in bytes. */
  readonly size: number;
  /** The next piece, or null at the end. */
  read(done: Callback<Uint8Array | null>): void;
  close(): void;
}

export interface OutgoingSnapshot {
  /** The name of the member that it is for. */
  readonly to: string;
  /** See `transferNumber`. */
  readonly transfer: number;
  /** See `SnapshotBegin`. */
  readonly agreement: number;
  readonly message: SnapshotMessage;
  readonly context: Uint8Array;
  readonly source: SnapshotSource;
}

/** How a sent snapshot reaches its member. */
export type SendFrame = (to: string, frame: Uint8Array) => void;

const TRANSFERS_PER_BOOT = 2 ** 20;

/** A number for the `count`-th transfer since this member was started: it grows over restarts too. */
export function transferNumber(bootEpoch: number, count: number): number {
  return bootEpoch * TRANSFERS_PER_BOOT + (count % TRANSFERS_PER_BOOT);
}

/**
 * Carries one snapshot to one member, a window of chunks at a time. What is not acknowledged in time is sent again from
 * there on (go-back-N): chunks seldom get lost, and the receiver then keeps none that came too early.
 *
 * Calls `done` once: with null when the receiver has kept the snapshot, with ERR_SNAPSHOT_TRANSFER when it refused,
 * fell silent or was given up, and with the source's own error when that failed. The source is closed by then.
 */
export class SnapshotSender {
  readonly #outgoing: OutgoingSnapshot;
  readonly #send: SendFrame;
  readonly #done: Done;
  readonly #limits: SnapshotLimits;
  readonly #cutter: ChunkCutter;

  /** Sent and not acknowledged, in order: what may have to be sent again. */
  #window: SnapshotChunk[] = [];
  /** Everything below is acknowledged. */
  #acked = 0;
  /** Everything below has been cut into chunks. */
  #cutTo = 0;
  #isFilling = false;
  #isReading = false;
  #isSourceAtEnd = false;
  #isBegun = false;
  #ticksSinceProgress = 0;
  #ticksSinceSign = 0;
  #isOver = false;

  constructor(
    outgoing: OutgoingSnapshot,
    send: SendFrame,
    done: Done,
    limits: SnapshotLimits = SNAPSHOT_LIMITS,
  ) {
    this.#outgoing = outgoing;
    this.#send = send;
    this.#done = done;
    this.#limits = limits;
    this.#cutter = new ChunkCutter(limits.chunkBytes);
  }

  /** Sends the first frames. Call it once. */
  start(): void {
    if (this.#outgoing.context.length > this.#limits.contextBytesMax) {
      this.#end(tooLarge(this.#outgoing.context.length, this.#limits.contextBytesMax));
      return;
    }
    this.#sendBegin();
    this.#fill();
  }

  /** Lets one tick pass. */
  tick(): void {
    if (this.#isOver) return;
    this.#ticksSinceProgress += 1;
    this.#ticksSinceSign += 1;
    if (this.#ticksSinceSign > this.#limits.silentTicksMax) this.abort("the receiver is silent");
    else if (this.#ticksSinceProgress >= this.#limits.resendTicks) this.#resend();
  }

  /** Takes what the receiver answered. Answers to other transfers are ignored. */
  step(frame: SnapshotAck | SnapshotRefuse): void {
    if (this.#isOver || frame.transfer !== this.#outgoing.transfer) return;
    // An older answer came late. A receiver that was started again gives nothing but such: that is no sign of life.
    if (frame.kind === "snapshot-ack" && !frame.isComplete && frame.received < this.#acked) return;
    this.#ticksSinceSign = 0;
    if (frame.kind === "snapshot-refuse") this.#end(this.#failure("the receiver refused it"));
    else if (frame.isComplete) this.#end(null);
    else this.#onAck(frame.received);
  }

  /** Gives up, and tells the receiver. Nothing happens after the end. */
  abort(reason: string): void {
    if (this.#isOver) return;
    this.#sendFrame({ kind: "snapshot-abort", transfer: this.#outgoing.transfer });
    this.#end(this.#failure(reason));
  }

  #onAck(received: number): void {
    if (received > this.#cutTo) return; // What was never sent cannot have been received.
    if (received > this.#acked || !this.#isBegun) this.#ticksSinceProgress = 0;
    this.#isBegun = true;
    this.#acked = received;
    this.#window = this.#window.filter((chunk) => chunk.offset + chunk.bytes.length > received);
    this.#fill();
  }

  /** Sends chunks until the window is full, and reads on where there are none. */
  #fill(): void {
    // A source that answers at once calls back while we are here: the loop goes on, nothing is nested.
    if (this.#isFilling) return;
    this.#isFilling = true;
    while (!this.#isOver) {
      this.#sendReady();
      if (!this.#hasRoom() || this.#isReading) break;
      if (this.#isSourceAtEnd) {
        this.#checkSize();
        break;
      }
      this.#read();
    }
    this.#isFilling = false;
  }

  #sendReady(): void {
    while (this.#hasRoom()) {
      const bytes = this.#cutter.cut(this.#isSourceAtEnd);
      if (bytes === null) return;
      this.#sendChunk(bytes);
    }
  }

  #hasRoom(): boolean {
    return this.#window.length < this.#limits.windowChunks;
  }

  #read(): void {
    this.#isReading = true;
    this.#outgoing.source.read((error, piece) => {
      this.#isReading = false;
      if (this.#isOver) return;
      if (error !== null) {
        this.#onSourceFailed(error);
        return;
      }
      if (piece === null || piece === undefined) this.#isSourceAtEnd = true;
      else this.#cutter.push(piece);
      this.#fill();
    });
  }

  /** A source that ends early would leave the receiver waiting for ever. */
  #checkSize(): void {
    const { size } = this.#outgoing.source;
    if (this.#cutTo !== size) this.abort(`the source gave ${this.#cutTo} bytes instead of ${size}`);
  }

  #onSourceFailed(error: QuorateError): void {
    this.#sendFrame({ kind: "snapshot-abort", transfer: this.#outgoing.transfer });
    this.#end(error);
  }

  #sendBegin(): void {
    const { transfer, agreement, message, context, source } = this.#outgoing;
    this.#sendFrame({ kind: "snapshot-begin", transfer, agreement, size: source.size, message, context });
  }

  #sendChunk(bytes: Uint8Array): void {
    const { transfer } = this.#outgoing;
    const chunk: SnapshotChunk = { kind: "snapshot-chunk", transfer, offset: this.#cutTo, bytes };
    this.#cutTo += bytes.length;
    this.#window.push(chunk);
    this.#sendFrame(chunk);
  }

  #resend(): void {
    this.#ticksSinceProgress = 0;
    // Until the first ack the receiver may know of nothing; at the end it may have lost the last word only.
    if (!this.#isBegun || this.#window.length === 0) this.#sendBegin();
    for (const chunk of this.#window) this.#sendFrame(chunk);
  }

  #sendFrame(frame: Parameters<typeof encodePeerFrame>[0]): void {
    this.#send(this.#outgoing.to, encodePeerFrame(frame));
  }

  #end(error: QuorateError | null): void {
    this.#isOver = true;
    this.#window = [];
    this.#outgoing.source.close();
    this.#done(error);
  }

  #failure(reason: string): QuorateError {
    const { to } = this.#outgoing;
    return new QuorateError("ERR_SNAPSHOT_TRANSFER", `the snapshot for ${to} did not arrive: ${reason}`, {
      to,
      reason,
    });
  }
}

function tooLarge(size: number, limit: number): QuorateError {
  const what = "snapshot context";
  return new QuorateError("ERR_TOO_LARGE", `${what} of ${size} bytes, above ${limit}`, { what, size, limit });
}
