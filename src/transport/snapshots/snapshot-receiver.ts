import {
  encodePeerFrame,
  type PeerFrame,
  type SnapshotAbort,
  type SnapshotBegin,
  type SnapshotChunk,
} from "../codec/peer-frame.ts";
import { IncomingSnapshot, type SnapshotSink } from "./incoming-snapshot.ts";
import { SNAPSHOT_LIMITS, type SnapshotLimits } from "./snapshot-limits.ts";

export interface SnapshotReceiverHost {
  send(to: string, frame: Uint8Array): void;
  /** Opens a place for a snapshot; null when it is not wanted. */
  open(from: string, begin: SnapshotBegin): SnapshotSink | null;
  /** The snapshot is whole and kept: its message can be stepped into the core. */
  received(from: string, begin: SnapshotBegin): void;
}

/**
 * Takes snapshots from other members: from each one at a time, of which the newest transfer counts. It never holds more
 * than a window of chunks for each.
 */
export class SnapshotReceiver {
  readonly #host: SnapshotReceiverHost;
  readonly #limits: SnapshotLimits;
  readonly #incoming = new Map<string, IncomingSnapshot>();

  constructor(host: SnapshotReceiverHost, limits: SnapshotLimits = SNAPSHOT_LIMITS) {
    this.#host = host;
    this.#limits = limits;
  }

  /** Takes a frame from a member. */
  step(from: string, frame: SnapshotBegin | SnapshotChunk | SnapshotAbort): void {
    const incoming = this.#incoming.get(from);
    if (frame.kind === "snapshot-begin") {
      this.#onBegin(from, frame, incoming);
      return;
    }
    // What belongs to no transfer that we know is late, or its announcement was lost and will be repeated.
    if (incoming === undefined || incoming.begin.transfer !== frame.transfer) return;
    if (frame.kind === "snapshot-chunk") incoming.onChunk(frame);
    else this.#drop(from, incoming);
  }

  /** Lets one tick pass. Forgets transfers whose sender has fallen silent. */
  tick(): void {
    for (const [from, incoming] of this.#incoming) if (incoming.tick()) this.#drop(from, incoming);
  }

  /** Drops everything that is not kept yet. */
  close(): void {
    for (const [from, incoming] of this.#incoming) this.#drop(from, incoming);
  }

  #onBegin(from: string, begin: SnapshotBegin, current: IncomingSnapshot | undefined): void {
    if (current !== undefined && begin.transfer <= current.begin.transfer) {
      if (begin.transfer === current.begin.transfer) current.onBegin();
      return;
    }
    if (current !== undefined) this.#drop(from, current);

    const isSound = begin.context.length <= this.#limits.contextBytesMax;
    const sink = isSound ? this.#host.open(from, begin) : null;
    if (sink === null) this.#send(from, { kind: "snapshot-refuse", transfer: begin.transfer });
    else this.#take(from, begin, sink);
  }

  #take(from: string, begin: SnapshotBegin, sink: SnapshotSink): void {
    const { transfer } = begin;
    const events = {
      ack: (received: number, isComplete: boolean) =>
        this.#send(from, { kind: "snapshot-ack", transfer, received, isComplete }),
      refuse: () => this.#send(from, { kind: "snapshot-refuse", transfer }),
      complete: () => this.#host.received(from, begin),
    };
    const incoming = new IncomingSnapshot(begin, sink, events, this.#limits);
    this.#incoming.set(from, incoming);
    incoming.onBegin();
  }

  #drop(from: string, incoming: IncomingSnapshot): void {
    incoming.abort();
    this.#incoming.delete(from);
  }

  #send(to: string, frame: PeerFrame): void {
    this.#host.send(to, encodePeerFrame(frame));
  }
}
