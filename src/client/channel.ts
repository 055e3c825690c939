import type { Metadata, ServiceError } from "@grpc/grpc-js";
import { onAbort } from "../base/aborts.ts";
import { MalformedBytes } from "../base/bytes.ts";
import { type Outcome, QuorateError } from "../base/errors.ts";
import { clearTimeout, setTimeout } from "../base/system-time.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import type { TlsOptions } from "../transport/tls/tls-files.ts";
import type { MessageType } from "../wire/message.ts";
import { METHODS } from "../wire/services.ts";
import { Connection, type Duplex, type Grpc, type Readable } from "./connection.ts";
import type { Endpoint } from "./endpoints.ts";
import { failureOf, type Subject } from "./failure.ts";

/** How long a call waits when it sets no limit of its own. */
export const CALL_MS = 10_000;
/** After all servers were tried in vain, and before an attempt that is repeated. */
const PAUSE_MS = 50;
/** A timer cannot wait longer. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** How long one server may take to be connected before the next is tried. */
const CONNECT_MS = 2_000;

export interface ChannelOptions {
  readonly endpoints: readonly Endpoint[];
  readonly tls: TlsOptions;
  readonly credentials: Credentials | null;
  readonly callTimeoutMs: number;
}

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

export interface Method<Request, Response> {
  readonly path: string;
  readonly request: MessageType<Request>;
  readonly response: MessageType<Response>;
}

export interface CallSubject extends Partial<Omit<Subject, "isWrite" | "seenRevision">> {
  readonly isWrite: boolean;
}

/** A header that most answers begin with. */
interface WithHeader {
  readonly header?: { readonly revision: number } | null;
}

/**
 * The way to a cluster: to one of its servers, and to the next one when that fails. A call is made again only where it
 * cannot have had an effect: when it never left, when the server says so, or when it only reads.
 */
export class Channel {
  readonly #grpc: Grpc;
  readonly #connections: readonly Connection[];
  readonly #credentials: Credentials | null;
  readonly #callTimeoutMs: number;
  readonly #closing = new AbortController();
  #current = 0;
  #token: string | null = null;
  /** The authentication under way: all calls wait for the same one. */
  #login: Promise<void> | null = null;
  #seenRevision = 0;

  constructor(grpc: Grpc, { endpoints, tls, credentials, callTimeoutMs }: ChannelOptions) {
    this.#grpc = grpc;
    this.#connections = endpoints.map((endpoint) => new Connection(grpc, endpoint, tls));
    this.#credentials = credentials;
    this.#callTimeoutMs = callTimeoutMs;
  }

  get endpoints(): readonly string[] {
    return this.#connections.map(({ endpoint }) => endpoint.address);
  }

  /** The newest revision that any answer has told. */
  get seenRevision(): number {
    return this.#seenRevision;
  }

  get callTimeoutMs(): number {
    return this.#callTimeoutMs;
  }

  /** Asks whichever server answers; with `endpoint`, the one at this place of the list and no other. */
  async call<Request, Response>(
    method: Method<Request, Response>,
    request: Partial<Request>,
    subject: CallSubject,
    options: CallOptions = {},
    endpoint?: number,
  ): Promise<Response> {
    const limit = this.#limit(options);
    const bytes = method.request.encode(request);
    for (let hasRenewed = false; ; ) {
      const connection = await this.#connected(limit, endpoint);
      let token: string | null = null;
      try {
        token = await this.#authenticated(connection, limit);
        return this.#read(method, await this.#ask(connection, method.path, bytes, limit));
      } catch (error) {
        const failure = failureOf(asServiceError(error, limit, subject), {
          ...subject,
          seenRevision: this.#seenRevision,
        });
        if (failure.needsToken) this.forgetToken(token);
        // One new token for each call: a server that refuses that one too would refuse every other.
        if (failure.needsToken && token !== null && !hasRenewed) hasRenewed = true;
        else if (!failure.mayRetry) {
          // It may never answer others either.
          if (QuorateError.is(failure.error, "ERR_TIMEOUT")) this.rotate(connection);
          throw limit.named(failure.error);
        } else {
          this.rotate(connection);
          await limit.pause(PAUSE_MS, failure.error);
        }
      }
    }
  }

  /** Opens a stream to whichever server answers first. */
  async open<Request, Response>(
    { path }: Method<Request, Response>,
    options: CallOptions = {},
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly stream: Duplex; readonly connection: Connection }> {
    const limit = this.#limit(options);
    const connection = await this.#connected(limit, undefined);
    await this.#authenticated(connection, limit);
    return { stream: connection.stream(path, this.#metadata(metadata)), connection };
  }

  /** A stream of answers from one server. */
  async download<Request, Response>(
    { path, request }: Method<Request, Response>,
    options: CallOptions = {},
    endpoint?: number,
  ): Promise<Readable> {
    const limit = this.#limit(options);
    const connection = await this.#connected(limit, endpoint);
    await this.#authenticated(connection, limit);
    return connection.serverStream(path, request.encode({}), this.#metadata({}));
  }

  /** Goes to another server from now on, if this is the present one. */
  rotate(from: Connection): void {
    if (this.#connections[this.#current] === from)
      this.#current = (this.#current + 1) % this.#connections.length;
  }

  /** A token was refused: the next call gets another, unless that has happened already. By default the present one. */
  forgetToken(token: string | null = this.#token): void {
    if (this.#token === token) this.#token = null;
  }

  /** Notes a revision that a stream has told. */
  saw(revision: number): void {
    this.#seenRevision = Math.max(this.#seenRevision, revision);
  }

  close(): void {
    this.#closing.abort(new QuorateError("ERR_CLOSED", "the store is closed", {}));
    for (const connection of this.#connections) connection.close();
  }

  /**
   * A server that can be asked now. Throws ERR_NO_QUORUM when none can be reached, and ERR_TIMEOUT when the call had no
   * time to find out.
   */
  async #connected(limit: CallLimit, endpoint: number | undefined): Promise<Connection> {
    let hasFailed = false;
    for (;;) {
      for (let tried = 0; tried < this.#connections.length; tried++) {
        // Late ones among many servers still say that none of them answers.
        if (!hasFailed) limit.check();
        const connection = this.#connections[endpoint ?? this.#current]!;
        if (await limit.orAbort(connection.isReady(limit.deadlineWithin(CONNECT_MS)))) return connection;
        hasFailed ||= !limit.isLate;
        if (!hasFailed) throw limit.tooLate("none");
        if (endpoint !== undefined) break;
        this.rotate(connection);
      }
      const message = `no server answers: ${this.endpoints.join(", ")}`;
      await limit.pause(
        PAUSE_MS,
        new QuorateError("ERR_NO_QUORUM", message, { waitedMs: 0 }, { retryable: true }),
      );
    }
  }

  #ask(connection: Connection, path: string, bytes: Uint8Array, limit: CallLimit): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const call = connection.unary(path, bytes, this.#metadata({}), limit.deadline, (error, response) => {
        forget();
        if (!error) resolve(response!);
        else reject(limit.aborted?.reason ?? error);
      });
      const forget = limit.onAbort(() => call.cancel());
    });
  }

  #read<Request, Response>({ response }: Method<Request, Response>, bytes: Uint8Array): Response {
    const message = response.decode(bytes);
    this.saw((message as WithHeader).header?.revision ?? 0);
    return message;
  }

  /** The token to show, null where none is needed. Throws when there is none in time. */
  async #authenticated(connection: Connection, limit: CallLimit): Promise<string | null> {
    if (this.#credentials === null) return null;
    if (this.#token === null) {
      this.#login ??= this.#logIn(connection, this.#credentials).finally(() => {
        this.#login = null;
      });
      await limit.orLate(this.#login);
    }
    return this.#token;
  }

  async #logIn(connection: Connection, { user, password }: Credentials): Promise<void> {
    const { path, request, response } = METHODS.authenticate;
    const bytes = request.encode({ name: user, password });
    try {
      const answer = await this.#ask(connection, path, bytes, this.#limit({}));
      this.#token = response.decode(answer).token;
    } catch (error) {
      // Where users do not count everybody may do everything, and no token is needed.
      if ((error as ServiceError).details !== "etcdserver: authentication is not enabled") throw error;
    }
  }

  #limit({ timeoutMs: timeout = this.#callTimeoutMs, signal }: CallOptions): CallLimit {
    return new CallLimit(timeout, signal, this.#closing.signal);
  }

  #metadata(fields: Readonly<Record<string, string>>): Metadata {
    const metadata = new this.#grpc.Metadata();
    for (const [name, value] of Object.entries(fields)) metadata.set(name, value);
    if (this.#token !== null) metadata.set("token", this.#token);
    return metadata;
  }
}

/** Until when a call may take, and what else may end it. */
class CallLimit {
  /** The caller's, and that of the closing store. */
  readonly #signals: readonly AbortSignal[];
  /** On the wall clock, which gRPC counts by. */
  readonly deadline: number;
  readonly #limitMs: number;

  constructor(limitMs: number, signal: AbortSignal | undefined, closing: AbortSignal) {
    this.#signals = signal === undefined ? [closing] : [signal, closing];
    this.#limitMs = limitMs;
    this.deadline = Date.now() + limitMs;
  }

  /** Throws once the call is over: what its signal was aborted with, or ERR_TIMEOUT. */
  check(): void {
    this.aborted?.throwIfAborted();
    if (this.isLate) throw this.tooLate("none");
  }

  get isLate(): boolean {
    return Date.now() >= this.deadline;
  }

  /** What has ended the call; undefined while nothing has. */
  get aborted(): AbortSignal | undefined {
    return this.#signals.find(({ aborted }) => aborted);
  }

  /** Calls `listener` when the call is aborted; what it gives takes that back. */
  onAbort(listener: () => void): () => void {
    const forget = this.#signals.map((signal) => onAbort(signal, listener));
    return () => {
      for (const each of forget) each();
    };
  }

  deadlineWithin(ms: number): number {
    return Math.min(this.deadline, Date.now() + ms);
  }

  /** Waits before another attempt; gives up with `reason` where there is no time for one. */
  async pause(ms: number, reason: QuorateError): Promise<void> {
    if (Date.now() + ms >= this.deadline) throw this.named(reason);
    await this.orAbort(new Promise((resolve) => setTimeout(resolve, ms)));
  }

  async orAbort<Value>(waited: Promise<Value>): Promise<Value> {
    this.aborted?.throwIfAborted();
    let forget: () => void = () => {};
    const aborted = new Promise<never>((_, reject) => {
      forget = this.onAbort(() => reject(this.aborted!.reason));
    });
    try {
      return await Promise.race([waited, aborted]);
    } finally {
      forget();
    }
  }

  /** Waits for what others wait for as well, no longer than this call may take. */
  async orLate(waited: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const leftMs = Math.min(Math.max(0, this.deadline - Date.now()), TIMER_MS_MAX);
      timer = setTimeout(() => reject(this.tooLate("none")), leftMs);
    });
    try {
      await this.orAbort(Promise.race([waited, late]));
    } finally {
      clearTimeout(timer);
    }
  }

  /** The same error with what is known here: how long it was waited for. */
  named(error: QuorateError): QuorateError {
    const { message, outcome } = error;
    if (!QuorateError.is(error, "ERR_NO_QUORUM") && !QuorateError.is(error, "ERR_TIMEOUT")) return error;
    if (QuorateError.is(error, "ERR_TIMEOUT")) return this.tooLate(outcome, error);
    const options = { outcome, retryable: true };
    // Once something was sent, what the caller has to handle is that its time is over.
    return outcome === "none"
      ? new QuorateError("ERR_NO_QUORUM", message, { waitedMs: this.#limitMs }, options)
      : new QuorateError("ERR_TIMEOUT", message, { timeoutMs: this.#limitMs }, options);
  }

  tooLate(outcome: Outcome, cause?: QuorateError): QuorateError<"ERR_TIMEOUT"> {
    const message = `the server did not answer within ${this.#limitMs} ms`;
    const options = { outcome, retryable: true, cause };
    return new QuorateError("ERR_TIMEOUT", message, { timeoutMs: this.#limitMs }, options);
  }
}

/** A store that is closed while a write is on its way cannot know what becomes of it. */
function afterSending(reason: unknown): unknown {
  if (!QuorateError.is(reason, "ERR_CLOSED")) return reason;
  return new QuorateError("ERR_CLOSED", reason.message, {}, { outcome: "unknown" });
}

/** What gRPC says; everything else goes on to the caller: the reason of its signal, above all. */
function asServiceError(error: unknown, limit: CallLimit, { isWrite }: CallSubject): ServiceError {
  const { aborted } = limit;
  if (aborted !== undefined) throw isWrite ? afterSending(aborted.reason) : aborted.reason;
  if (error instanceof MalformedBytes) {
    const details = { peer: "the server", reason: error.message };
    throw new QuorateError("ERR_PROTOCOL", `the server's answer cannot be read: ${error.message}`, details, {
      outcome: "unknown",
    });
  }
  if (typeof (error as ServiceError).code !== "number") throw error;
  return error as ServiceError;
}
