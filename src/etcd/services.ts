import type { Method } from "../wire/services.ts";
import { type RpcError, rpcErrorOf } from "../wire/status.ts";
import type { Audit } from "./call/audit.ts";
import { CallCounts } from "./call/call-counts.ts";
import type { Caller } from "./call/caller.ts";
import { type Guard, requiresLeader } from "./call/guard.ts";
import type { LeaderWatch } from "./call/leader-watch.ts";
import type { RpcHandlers, RpcStream, StreamHandler, UnaryHandler } from "./call/rpc-server.ts";
import { CountedStream } from "./grpc/counted-stream.ts";

/** Messages and list elements in one request: far more than an allowed transaction has. */
const ELEMENTS_MAX = 20_000;

/** A stream of messages, as a service sees it. */
export interface MessageStream<Request, Response> {
  readonly client: Caller;
  onMessage(listener: (request: Request) => void): void;
  onHalfClose(listener: () => void): void;
  onClose(listener: () => void): void;
  send(response: Partial<Response>): boolean;
  /** Sends a message that is encoded already. */
  sendEncoded(response: Uint8Array): boolean;
  onceDrained(listener: () => void): void;
  /** Tells the audit of a request that was not let, where the stream itself goes on. */
  refused(request: object, error: RpcError): void;
  end(error?: unknown): void;
}

/** Gathers what the services answer, and puts around each answer what is the same for all: reading, guarding, writing. */
export class Services implements RpcHandlers {
  readonly unary = new Map<string, UnaryHandler>();
  readonly streams = new Map<string, StreamHandler>();
  readonly counts = new CallCounts();
  readonly #guard: Guard;
  readonly #leaderWatch: LeaderWatch;
  readonly #audit: Audit;

  constructor(guard: Guard, leaderWatch: LeaderWatch, audit: Audit) {
    this.#guard = guard;
    this.#leaderWatch = leaderWatch;
    this.#audit = audit;
  }

  /** A method that takes one message and gives one. */
  answer<Request extends object, Response>(
    method: Method<Request, Response>,
    handle: (
      request: Request,
      client: Caller,
      size: number,
    ) => Promise<Partial<Response>> | Partial<Response>,
  ): void {
    const counts = this.counts.of(method.path);
    this.unary.set(method.path, async (bytes, call) => {
      const startedAt = counts.start();
      counts.receive(bytes);
      let request: Request | null = null;
      let client: Caller | null = null;
      try {
        request = method.request.decode(bytes, { elementsMax: ELEMENTS_MAX });
        const admitted = this.#guard.admit(method as Method<never, never>, request, call);
        client = admitted instanceof Promise ? await admitted : admitted;
        const response = method.response.encode(await handle(request, client, bytes.length));
        counts.send(response);
        counts.end(0, startedAt);
        this.#audit.ended(method.path, call, request, client.caller.user, null);
        return response;
      } catch (error) {
        const answered = rpcErrorOf(error);
        counts.end(answered.code, startedAt);
        this.#audit.ended(method.path, call, request, client?.caller.user ?? null, answered);
        throw answered;
      }
    });
  }

  /** A method that takes one message and gives many. The stream ends when the promise resolves. */
  stream<Request extends object, Response>(
    method: Method<Request, Response>,
    handle: (request: Request, stream: MessageStream<Request, Response>) => Promise<void>,
  ): void {
    this.converse(method, (stream) => {
      let isAsked = false;
      stream.onMessage((request) => {
        // The guard has seen the call already, but not what it asks.
        if (isAsked) return;
        isAsked = true;
        handle(request, stream).then(
          () => stream.end(),
          (error: unknown) => stream.end(error),
        );
      });
      stream.onHalfClose(() => {
        if (!isAsked) stream.end();
      });
    });
  }

  /** A method that takes and gives many messages. */
  converse<Request extends object, Response>(
    method: Method<Request, Response>,
    open: (stream: MessageStream<Request, Response>) => void,
  ): void {
    const counts = this.counts.of(method.path);
    this.streams.set(method.path, (raw) => {
      const stream = new CountedStream(raw, counts);
      const begin = (client: Caller): void => {
        this.#audit.ended(method.path, stream.call, null, client.caller.user, null);
        if (requiresLeader(stream.call)) this.#leaderWatch.add(stream);
        const refused = (request: object, error: RpcError): void =>
          this.#audit.ended(method.path, stream.call, request, null, error);
        open(messageStream(method, stream, client, refused));
      };
      const fail = (error: unknown): void => {
        const answered = rpcErrorOf(error);
        this.#audit.ended(method.path, stream.call, null, null, answered);
        stream.end(answered);
      };
      try {
        const admitted = this.#guard.admit(method as Method<never, never>, null, stream.call);
        if (admitted instanceof Promise) admitted.then(begin).catch(fail);
        else begin(admitted);
      } catch (error) {
        fail(error);
      }
    });
  }
}

function messageStream<Request, Response>(
  method: Method<Request, Response>,
  stream: RpcStream,
  client: Caller,
  refused: MessageStream<Request, Response>["refused"],
): MessageStream<Request, Response> {
  return {
    client,
    refused,
    onMessage(listener) {
      stream.onMessage((bytes) => {
        try {
          listener(method.request.decode(bytes, { elementsMax: ELEMENTS_MAX }));
        } catch (error) {
          stream.end(rpcErrorOf(error));
        }
      });
    },
    onHalfClose: (listener) => stream.onHalfClose(listener),
    onClose: (listener) => stream.onClose(listener),
    send: (response) => stream.send(method.response.encode(response)),
    sendEncoded: (response) => stream.send(response),
    onceDrained: (listener) => stream.onceDrained(listener),
    end: (error) => stream.end(error === undefined ? undefined : rpcErrorOf(error)),
  };
}
