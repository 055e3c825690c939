import { QuorateError } from "../base/errors.ts";
import type { KvWatcher } from "../kv/kv-backend.ts";
import type { Revision } from "../kv/mvcc/key-history.ts";
import {
  WATCH_PENDING_MAX,
  type WatchBatch,
  type WatchedChange,
  type WatchRequest,
} from "../kv/mvcc/watch-hub.ts";
import {
  WatchCreateRequest as CreateMessage,
  FILTER_TYPES,
  type WatchCreateRequest,
  type WatchResponse,
} from "../wire/watch-messages.ts";
import { wireRange } from "./ranges.ts";
import { maybeVersion, versionOf } from "./results.ts";

const DELETE = 1;

/** What the stream does for its watchers. */
export interface WatcherHost {
  /** Has the server tell from `resumeAt` on. */
  begin(watcher: RemoteWatcher): void;
  /** Has the server tell no more. */
  end(watcher: RemoteWatcher): void;
}

/**
 * One watch on a server elsewhere. What has come waits here until it is taken; when too much waits the server is told
 * to stop, and to go on behind it once that is taken. So it is after a break: `resumeAt` is the first revision that has
 * not come.
 */
export class RemoteWatcher implements KvWatcher {
  /** The server's number for it, null while there is none. */
  id: number | null = null;
  startedAt: Revision = 0;
  readonly #request: WatchRequest;
  readonly #host: WatcherHost;
  readonly #onReady: () => void;
  readonly #pendingMax: number;
  #pending: WatchedChange[] = [];
  #ending: WatchBatch | QuorateError | undefined = undefined;
  #resumeAt: Revision | null;
  #progress: Revision | undefined = undefined;
  #told: Revision | undefined = undefined;
  #isParked = false;
  #isClosed = false;
  #onCreated: (() => void) | null = null;
  /** Resolves once the server has confirmed it, or it is over. */
  readonly created: Promise<void>;

  constructor(request: WatchRequest, host: WatcherHost, onReady: () => void) {
    this.#request = request;
    this.#host = host;
    this.#onReady = onReady;
    this.#pendingMax = request.pendingMax ?? WATCH_PENDING_MAX;
    this.#resumeAt = request.from;
    this.created = new Promise((resolve) => {
      this.#onCreated = resolve;
    });
  }

  get progress(): Revision | undefined {
    return this.#pending.length === 0 ? this.#progress : undefined;
  }

  get told(): Revision | undefined {
    return this.progress ?? this.#told;
  }

  get isBehind(): boolean {
    return false;
  }

  /** Whether the server is to tell of it. */
  get isWanted(): boolean {
    return !this.#isClosed && !this.#isParked && this.#ending === undefined;
  }

  /** What the server is asked, now or again after a break. */
  get creation(): WatchCreateRequest {
    const { range, previous, without } = this.#request;
    const filters =
      without === undefined ? [] : [FILTER_TYPES.indexOf(without === "put" ? "NOPUT" : "NODELETE")];
    const startRevision = this.#resumeAt ?? 0;
    const prevKv = previous === true;
    return CreateMessage.of({ ...wireRange(range), startRevision, prevKv, filters, progressNotify: true });
  }

  take(): WatchBatch | undefined {
    if (this.#isClosed) return undefined;
    const changes = this.#pending;
    if (changes.length > 0) {
      this.#pending = [];
      const revision = changes.at(-1)!.change.modRevision;
      this.#told = revision;
      this.#unpark();
      return { kind: "changes", changes, revision };
    }
    if (this.#ending instanceof QuorateError) throw this.#ending;
    return this.#ending;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pending = [];
    this.#settleCreation();
    this.#host.end(this);
  }

  /** For the stream: the server tells of it from now on. */
  onCreated(id: number, revision: Revision): void {
    this.id = id;
    if (this.startedAt === 0) {
      this.startedAt = revision;
      if (this.#resumeAt === null) this.#progress = revision;
    }
    // What came before this moment was not asked for; what comes later must not be missed after a break.
    this.#resumeAt ??= revision + 1;
    this.#settleCreation();
  }

  onResponse({ header, events, compactRevision }: WatchResponse): void {
    if (compactRevision > 0) {
      this.#end({ kind: "compacted", revision: this.#resumeAt ?? 0, compactRevision });
    } else if (events.length === 0) {
      this.#reached(header?.revision ?? 0);
    } else {
      for (const { type, kv, prevKv } of events) {
        const { key, modRevision } = kv!;
        const gone = { key, value: "", createRevision: 0, modRevision, sub: 0, version: 0, lease: "" };
        const change = type === DELETE ? gone : versionOf(kv!);
        this.#pending.push({ change, previous: maybeVersion(prevKv) });
      }
      this.#reached(events.at(-1)!.kv!.modRevision);
      if (this.#pending.length > this.#pendingMax) this.#park();
      this.#onReady();
    }
  }

  /** The server will not tell of it any more. */
  onFailed(error: QuorateError): void {
    this.#end(error);
  }

  /** The stream has broken: the server knows nothing of it any more. */
  onBroken(): void {
    this.id = null;
  }

  #reached(revision: Revision): void {
    if (this.#resumeAt !== null && revision < this.#resumeAt) return;
    this.#progress = revision;
    this.#resumeAt = revision + 1;
  }

  #park(): void {
    this.#isParked = true;
    this.#host.end(this);
  }

  #unpark(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    this.#host.begin(this);
  }

  #end(ending: WatchBatch | QuorateError): void {
    this.#ending = ending;
    this.#settleCreation();
    this.#host.end(this);
    this.#onReady();
  }

  #settleCreation(): void {
    this.#onCreated?.();
    this.#onCreated = null;
  }
}
