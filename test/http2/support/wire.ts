import { Http2Connection } from "../../../src/http2/http2-connection.ts";
import type { Http2Stream } from "../../../src/http2/http2-stream.ts";
import { Frame } from "../../../src/http2/protocol.ts";
import type { Outlet } from "../../../src/http2/sender.ts";
import { BEGINNING, framesOf, type RawFrame } from "./frames.ts";

/** A connection without a socket: what is said to it, what it answers, and what its service hears. */
export class Wire implements Outlet {
  readonly connection: Http2Connection;
  readonly streams: Http2Stream[] = [];
  /** What the service heard, in words. */
  readonly events: string[] = [];
  unsent = 0;
  hasEnded = false;
  nowMs = 0;
  #output = Buffer.alloc(0);

  constructor(open: (stream: Http2Stream) => void = () => {}) {
    this.connection = new Http2Connection(
      this,
      {
        open: (stream) => {
          this.streams.push(stream);
          this.events.push(`${stream.id} ${stream.head.get(":method")} ${stream.head.get(":path")}`);
          open(stream);
          return {
            received: (bytes) => this.#hear(stream.id, bytes),
            halfClosed: () => this.events.push(`${stream.id} half-closed`),
            drained: () => this.events.push(`${stream.id} drained`),
            closed: () => this.events.push(`${stream.id} closed`),
          };
        },
      },
      () => this.nowMs,
    );
  }

  /** A wire on which a client has begun well. */
  static begun(open?: (stream: Http2Stream) => void): Wire {
    const wire = new Wire(open);
    wire.say(BEGINNING);
    wire.answers();
    return wire;
  }

  say(...parts: Buffer[]): void {
    this.connection.receive(Buffer.concat(parts));
  }

  wake(): void {}

  end(): void {
    this.hasEnded = true;
  }

  /** What was sent since the last time. */
  answers(): RawFrame[] {
    const parts: Uint8Array[] = [];
    for (let taken = this.connection.takeOutput(); taken.length > 0; taken = this.connection.takeOutput())
      parts.push(...taken);
    this.#output = Buffer.concat(parts);
    return framesOf(this.#output);
  }

  /** The code with which the connection was ended, or undefined if it was not. */
  goaway(): number | undefined {
    return this.answers()
      .find(({ type }) => type === Frame.goaway)
      ?.payload.readUInt32BE(4);
  }

  /** The streams that were ended, each with its code. */
  resets(): (readonly [id: number, code: number])[] {
    const resets = this.answers().filter(({ type }) => type === Frame.rstStream);
    return resets.map(({ id, payload }) => [id, payload.readUInt32BE(0)] as const);
  }

  /** Data that follows each other is one, however it was cut. */
  #hear(id: number, bytes: Buffer): void {
    const last = this.events.at(-1);
    const said = bytes.toString("latin1");
    if (last?.startsWith(`${id} data `)) this.events[this.events.length - 1] = last + said;
    else this.events.push(`${id} data ${said}`);
  }
}
