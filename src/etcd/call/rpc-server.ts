import type { RpcError } from "../../wire/status.ts";

/** Who calls, and how long it waits. */
export interface RpcCall {
  /** A header of the request, in lower case; undefined when it was not sent. */
  metadata(name: string): string | undefined;
  /** Where it comes from, `host:port`. */
  readonly address: string;
  /** The common name of the certificate that the client has proved to own, if it showed one. */
  readonly commonName: string | null;
  /** Aborted once nobody waits for the answer: the client gave up, its deadline passed, or the connection broke. */
  readonly signal: AbortSignal;
}

/** A call that takes or gives more than one message. */
export interface RpcStream {
  readonly call: RpcCall;
  /** What the client sends. A message waits until the listener has returned. */
  onMessage(listener: (message: Uint8Array) => void): void;
  /** The client sends nothing more; it may still listen. */
  onHalfClose(listener: () => void): void;
  /** Nobody listens any more. Comes once, also after `end`. */
  onClose(listener: () => void): void;
  /** Sends a message. False asks to wait with the next until it is drained. */
  send(message: Uint8Array): boolean;
  onceDrained(listener: () => void): void;
  /** Ends the call, well or with an error. */
  end(error?: RpcError): void;
}

export type UnaryHandler = (request: Uint8Array, call: RpcCall) => Promise<Uint8Array>;
export type StreamHandler = (stream: RpcStream) => void;

/** What answers under each path, bytes in and bytes out: services know nothing of HTTP, and servers nothing of etcd. */
export interface RpcHandlers {
  readonly unary: ReadonlyMap<string, UnaryHandler>;
  readonly streams: ReadonlyMap<string, StreamHandler>;
}
