import type { CallCounts } from "./call-counts.ts";
import type { RpcCall, RpcStream } from "./rpc-server.ts";
import { Grpc, type RpcError } from "./status.ts";

/** Counts what goes through a stream. */
export class CountedStream implements RpcStream {
  readonly call: RpcCall;
  readonly #stream: RpcStream;
  readonly #path: string;
  readonly #counts: CallCounts;
  #isEnded = false;

  constructor(stream: RpcStream, path: string, counts: CallCounts) {
    this.call = stream.call;
    this.#stream = stream;
    this.#path = path;
    this.#counts = counts;
    counts.started(path);
    stream.onClose(() => this.#ended(Grpc.cancelled));
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#stream.onMessage((message) => {
      this.#counts.received(this.#path, message);
      listener(message);
    });
  }

  onHalfClose(listener: () => void): void {
    this.#stream.onHalfClose(listener);
  }

  onClose(listener: () => void): void {
    this.#stream.onClose(listener);
  }

  send(message: Uint8Array): boolean {
    this.#counts.sent(this.#path, message);
    return this.#stream.send(message);
  }

  onceDrained(listener: () => void): void {
    this.#stream.onceDrained(listener);
  }

  end(error?: RpcError): void {
    this.#ended(error?.code ?? 0);
    this.#stream.end(error);
  }

  #ended(code: number): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#counts.ended(this.#path, code);
  }
}
