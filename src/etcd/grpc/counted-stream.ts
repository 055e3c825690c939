import { Grpc, type RpcError } from "../../wire/status.ts";
import type { MethodCounts } from "../call/call-counts.ts";
import type { RpcCall, RpcStream } from "../call/rpc-server.ts";

/** Counts what goes through a stream. */
export class CountedStream implements RpcStream {
  readonly call: RpcCall;
  readonly #stream: RpcStream;
  readonly #counts: MethodCounts;
  readonly #startedAt: number;
  #isEnded = false;

  constructor(stream: RpcStream, counts: MethodCounts) {
    this.call = stream.call;
    this.#stream = stream;
    this.#counts = counts;
    this.#startedAt = counts.start();
    stream.onClose(() => this.#ended(Grpc.cancelled));
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#stream.onMessage((message) => {
      this.#counts.receive(message);
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
    this.#counts.send(message);
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
    this.#counts.end(code, this.#startedAt);
  }
}
