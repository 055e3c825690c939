import type { ServiceError } from "@grpc/grpc-js";
import { MalformedBytes } from "../base/bytes.ts";
import { QuorateError } from "../base/errors.ts";
import { setTimeout } from "../base/system-time.ts";
import type { KvWatcher } from "../kv/kv-backend.ts";
import type { WatchRequest } from "../kv/mvcc/watch-hub.ts";
import { METHODS } from "../wire/services.ts";
import { WatchRequest as RequestMessage, type WatchResponse } from "../wire/watch-messages.ts";
import type { Channel } from "./channel.ts";
import type { Connection, Duplex } from "./connection.ts";
import { failureOf } from "./failure.ts";
import { isNothing } from "./ranges.ts";
import { RemoteWatcher, type WatcherHost } from "./remote-watcher.ts";

/** After a stream has broken. */
const PAUSE_MS = 100;

type Stream =
  | { readonly kind: "none" }
  | { readonly kind: "opening" }
  | { readonly kind: "open"; readonly duplex: Duplex; readonly connection: Connection }
  | { readonly kind: "closed" };

/**
 * All watches of a store, on one stream. When it breaks, another is opened, to another server if need be, and each
 * watch goes on behind what has come. Watches are created one after the other, since the server's confirmations name no
 * request. Events only record; `#advance` decides.
 */
export class RemoteWatches implements WatcherHost {
  readonly #channel: Channel;
  readonly #watchers = new Set<RemoteWatcher>();
  readonly #byId = new Map<number, RemoteWatcher>();
  /** Asked for, and not confirmed yet, in order. */
  /** Whether the token was renewed since a stream last answered. */
  #hasNewToken = false;
  #creating: RemoteWatcher[] = [];
  #stream: Stream = { kind: "none" };

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  watch(request: WatchRequest, onReady: () => void): KvWatcher {
    const watcher = new RemoteWatcher(request, this, onReady);
    // The server refuses a range without keys; here it is only quiet.
    if (!isNothing(request.range)) this.begin(watcher);
    return watcher;
  }

  /**
   * The watches that begin with what comes next, and that no server has confirmed yet. Whoever writes after beginning
   * one counts on being told of it, so writes wait for these.
   */
  get unconfirmed(): readonly Promise<void>[] {
    const waiting = [...this.#watchers].filter(({ startedAt }) => startedAt === 0);
    return waiting.map(({ created }) => created);
  }

  close(): void {
    const stream = this.#stream;
    this.#stream = { kind: "closed" };
    if (stream.kind === "open") stream.duplex.cancel();
    for (const watcher of [...this.#watchers]) watcher.close();
  }

  begin(watcher: RemoteWatcher): void {
    this.#watchers.add(watcher);
    if (this.#stream.kind === "open") this.#create(watcher);
    else this.#advance();
  }

  end(watcher: RemoteWatcher): void {
    this.#watchers.delete(watcher);
    if (watcher.id !== null) this.#cancel(watcher.id);
    watcher.id = null;
  }

  #advance(): void {
    if (this.#stream.kind !== "none" || this.#watchers.size === 0) return;
    this.#stream = { kind: "opening" };
    // A stream without a leader behind it would be silent for as long as that lasts.
    this.#channel.open(METHODS.watch, { timeoutMs: Number.POSITIVE_INFINITY }, { hasleader: "true" }).then(
      ({ stream, connection }) => this.#onOpen(stream, connection),
      (error: unknown) => this.#onBroken(null, error),
    );
  }

  #onOpen(duplex: Duplex, connection: Connection): void {
    if (this.#stream.kind === "closed") {
      duplex.cancel();
      return;
    }
    this.#stream = { kind: "open", duplex, connection };
    duplex.on("data", (bytes: Uint8Array) => this.#onData(duplex, bytes));
    duplex.on("error", (error) => this.#onBroken(duplex, error));
    duplex.on("end", () => this.#onBroken(duplex, null));
    for (const watcher of this.#watchers) this.#create(watcher);
  }

  #create(watcher: RemoteWatcher): void {
    this.#creating.push(watcher);
    this.#write(RequestMessage.encode({ createRequest: watcher.creation }));
  }

  #cancel(watchId: number): void {
    this.#byId.delete(watchId);
    this.#write(RequestMessage.encode({ cancelRequest: { watchId } }));
  }

  #write(bytes: Uint8Array): void {
    if (this.#stream.kind === "open") this.#stream.duplex.write(bytes);
  }

  #onData(duplex: Duplex, bytes: Uint8Array): void {
    if (this.#stream.kind !== "open" || this.#stream.duplex !== duplex) return;
    try {
      this.#onResponse(METHODS.watch.response.decode(bytes));
    } catch (error) {
      if (!(error instanceof MalformedBytes)) throw error;
      duplex.cancel();
    }
  }

  #onResponse(response: WatchResponse): void {
    const { watchId, created, canceled, cancelReason, header } = response;
    this.#channel.saw(header?.revision ?? 0);
    this.#hasNewToken = false;
    if (created) {
      this.#onCreated(response);
      return;
    }
    const watcher = this.#byId.get(watchId);
    if (watcher === undefined) return;
    if (canceled) {
      this.#byId.delete(watchId);
      watcher.id = null;
    }
    if (canceled && response.compactRevision === 0) watcher.onFailed(canceledBy(cancelReason));
    else watcher.onResponse(response);
  }

  #onCreated({ watchId, canceled, cancelReason, compactRevision, header }: WatchResponse): void {
    const watcher = this.#creating.shift();
    if (watcher === undefined) return;
    if (canceled && compactRevision === 0) watcher.onFailed(canceledBy(cancelReason));
    else if (!watcher.isWanted) this.#cancel(watchId);
    else {
      watcher.onCreated(watchId, header?.revision ?? 0);
      this.#byId.set(watchId, watcher);
    }
  }

  #onBroken(duplex: Duplex | null, error: unknown): void {
    const stream = this.#stream;
    if (stream.kind === "closed" || (stream.kind === "open" && stream.duplex !== duplex)) return;
    if (stream.kind === "open") this.#channel.rotate(stream.connection);
    this.#byId.clear();
    this.#creating = [];
    for (const watcher of this.#watchers) watcher.onBroken();
    this.#stream = { kind: "opening" };
    const lasting = this.#lastingReason(error);
    if (lasting !== null) for (const watcher of [...this.#watchers]) watcher.onFailed(lasting);
    setTimeout(() => {
      if (this.#stream.kind !== "opening") return;
      this.#stream = { kind: "none" };
      this.#advance();
    }, PAUSE_MS).unref();
  }

  /** Why another stream would end in the same way; null when it may not. */
  #lastingReason(error: unknown): QuorateError | null {
    if (QuorateError.is(error)) return error;
    if (typeof (error as ServiceError | null)?.code !== "number") return null;
    const subject = { isWrite: false, seenRevision: this.#channel.seenRevision };
    const failure = failureOf(error as ServiceError, subject);
    if (!failure.needsToken) return failure.mayRetry ? null : failure.error;
    this.#channel.forgetToken();
    // A server that refuses a new token too would refuse every other.
    if (this.#hasNewToken) return failure.error;
    this.#hasNewToken = true;
    return null;
  }
}

/** Why the server has ended a watch: text that may have a whole status in it. */
function canceledBy(reason: string): QuorateError {
  const [, details = reason] = /desc = (.*)$/s.exec(reason) ?? [];
  const status = { code: 2, details } as ServiceError;
  return failureOf(status, { isWrite: false, seenRevision: 0 }).error;
}
