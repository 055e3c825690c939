import type { IncomingMessage, ServerResponse } from "node:http";
import type { RpcError } from "../../wire/status.ts";
import type { RpcCall, RpcStream } from "../call/rpc-server.ts";

interface Translation {
  /** The messages that a further piece of the request completes. Throws for what cannot be read. */
  read(text: string): Uint8Array[];
  show(message: Uint8Array): unknown;
  asRpcError(error: unknown): RpcError;
}

/** A stream of messages over HTTP/1.1: JSON objects in, and out one in each line. */
export class GatewayStream implements RpcStream {
  readonly call: RpcCall;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #translation: Translation;
  #isOver = false;

  constructor(call: RpcCall, request: IncomingMessage, response: ServerResponse, translation: Translation) {
    this.call = call;
    this.#request = request;
    this.#response = response;
    this.#translation = translation;
    request.setEncoding("utf8");
    response.once("close", () => {
      this.#isOver = true;
    });
    response.on("drain", () => request.resume());
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
  }

  onMessage(listener: (message: Uint8Array) => void): void {
    this.#request.on("data", (text: string) => {
      if (this.#isOver) return;
      try {
        for (const message of this.#translation.read(text)) listener(message);
      } catch (error) {
        this.end(this.#translation.asRpcError(error));
      }
    });
  }

  onHalfClose(listener: () => void): void {
    this.#request.once("end", listener);
  }

  onClose(listener: () => void): void {
    this.#response.once("close", listener);
  }

  send(message: Uint8Array): boolean {
    if (this.#isOver) return true;
    const isFree = this.#write({ result: this.#translation.show(message) });
    if (!isFree) this.#request.pause();
    return isFree;
  }

  onceDrained(listener: () => void): void {
    this.#response.once("drain", listener);
  }

  end(error?: RpcError): void {
    if (this.#isOver) return;
    if (error !== undefined)
      this.#write({ error: { code: error.code, message: error.message, details: [] } });
    this.#isOver = true;
    this.#response.end();
  }

  #write(json: unknown): boolean {
    return this.#response.write(`${JSON.stringify(json)}\n`);
  }
}
