import type { Timer } from "../../base/clock.ts";
import { codeName, type RpcError, refusal } from "../../wire/status.ts";
import type { WatchCreateRequest, WatchRequest, WatchResponse } from "../../wire/watch-messages.ts";
import type { Front } from "../call/front.ts";
import type { MessageStream } from "../services.ts";
import type { EventEncoder } from "./event-encoder.ts";
import { checkCreate, INVALID_WATCH_ID, ServedWatcher, watchedRange } from "./served-watcher.ts";
import { WatchPermit } from "./watch-permit.ts";

/** Watchers that share a stream. */
const WATCHERS_MAX = 10_000;

/** How much later than asked for progress may be told, so that not all streams do so at once. */
const PROGRESS_JITTER = 0.1;

/**
 * The watchers of one stream. Everything they say goes through one queue, the stream's, so nothing overtakes an event.
 * While the client does not read, nothing is taken from the watchers: what is new waits in the history.
 */
export class WatchConversation {
  readonly #front: Front;
  readonly #encoder: EventEncoder;
  readonly #stream: MessageStream<WatchRequest, WatchResponse>;
  readonly #watchings = new Map<number, ServedWatcher>();
  /** Those that have something to take. */
  readonly #ready = new Set<ServedWatcher>();
  #nextId = 0;
  #isBlocked = false;
  #isScheduled = false;
  #isClosed = false;
  #progressTimer: Timer | null = null;

  constructor(front: Front, encoder: EventEncoder, stream: MessageStream<WatchRequest, WatchResponse>) {
    this.#front = front;
    this.#encoder = encoder;
    this.#stream = stream;
  }

  handle({ createRequest, cancelRequest, progressRequest }: WatchRequest): void {
    if (createRequest !== null) this.#create(createRequest);
    else if (cancelRequest !== null) this.#cancel(cancelRequest.watchId);
    else if (progressRequest !== null) this.#tellProgressOfAll();
  }

  close(): void {
    this.#isClosed = true;
    this.#progressTimer?.cancel();
    for (const { watcher } of this.#watchings.values()) watcher.close();
    this.#watchings.clear();
    this.#ready.clear();
  }

  #create(request: WatchCreateRequest): void {
    const permit = new WatchPermit(this.#stream.client, watchedRange(request));
    const cancelReason = this.#forbidden(permit, request) ?? this.#whyNot(request)?.message ?? null;
    if (cancelReason !== null) {
      this.#tell({ watchId: INVALID_WATCH_ID, created: true, canceled: true, cancelReason });
      return;
    }
    const id = request.watchId === 0 ? this.#freeId() : request.watchId;
    const watching: ServedWatcher = new ServedWatcher(
      id,
      request,
      permit,
      this.#front.machine.watches,
      () => {
        this.#ready.add(watching);
        this.#schedule();
      },
    );
    this.#watchings.set(id, watching);
    this.#tell({ watchId: id, created: true });
    if (request.progressNotify) this.#progressTimer ??= this.#scheduleProgress();
    if (!watching.watcher.isBehind) return;
    this.#ready.add(watching);
    this.#schedule();
  }

  /** Why it may not watch this, in etcd's words for a watch: the error as Go prints it. Null if it may. */
  #forbidden(permit: WatchPermit, request: WatchCreateRequest): string | null {
    const error = permit.whyNot();
    if (error === null) return null;
    this.#stream.refused(request, error);
    return `rpc error: code = ${codeName(error.code)} desc = ${error.message}`;
  }

  #whyNot(request: WatchCreateRequest): RpcError | null {
    if (this.#watchings.size >= WATCHERS_MAX) return refusal("tooManyRequests");
    return (
      checkCreate(request) ??
      (this.#watchings.has(request.watchId) && request.watchId !== 0 ? refusal("duplicateWatchId") : null)
    );
  }

  #freeId(): number {
    while (this.#watchings.has(this.#nextId)) this.#nextId += 1;
    return this.#nextId++;
  }

  #cancel(id: number): void {
    const watching = this.#watchings.get(id);
    if (watching === undefined) return;
    this.#end(watching);
    this.#tell({ watchId: id, canceled: true });
  }

  #end(watching: ServedWatcher): void {
    watching.watcher.close();
    this.#ready.delete(watching);
    this.#watchings.delete(watching.id);
  }

  /** One answer for all, only if nothing is waiting for any of them. */
  #tellProgressOfAll(): void {
    this.#pump();
    if (this.#watchings.size === 0) return;
    for (const { watcher } of this.#watchings.values()) if (watcher.progress === undefined) return;
    this.#tell({ watchId: INVALID_WATCH_ID });
  }

  #scheduleProgress(): Timer {
    const { clock } = this.#front;
    const { random } = this.#front.parts.host;
    const interval = this.#front.settings.progressNotifyMs;
    return clock.after(interval * (1 + PROGRESS_JITTER * random.fraction()), () => {
      this.#progressTimer = this.#scheduleProgress();
      for (const watching of this.#watchings.values()) {
        if (watching.isProgressDue()) this.#tell({ watchId: watching.id });
      }
    });
  }

  /** Soon, not now: watchers are called inside the store's turn. */
  #schedule(): void {
    if (this.#isScheduled || this.#isBlocked || this.#isClosed) return;
    this.#isScheduled = true;
    this.#front.clock.soon(() => {
      this.#isScheduled = false;
      this.#pump();
      if (this.#ready.size > 0) this.#schedule();
    });
  }

  /** Takes one batch from each that has one: a long history must not keep others waiting. */
  #pump(): void {
    for (const watching of [...this.#ready]) {
      if (this.#isBlocked || this.#isClosed) return;
      const cancelReason = this.#forbidden(watching.permit, watching.request);
      if (cancelReason !== null) {
        this.#end(watching);
        this.#tell({ watchId: watching.id, canceled: true, cancelReason });
        continue;
      }
      const batch = watching.watcher.take();
      if (batch === undefined) this.#ready.delete(watching);
      else if (batch.kind === "compacted") {
        this.#end(watching);
        const { compactRevision } = batch;
        this.#send({ watchId: watching.id, canceled: true, compactRevision, header: this.#front.header(0) });
      } else {
        for (const response of watching.responses(batch, this.#encoder, this.#front))
          this.#sendEncoded(response);
      }
    }
  }

  #tell(response: Partial<WatchResponse>): void {
    this.#send({ header: this.#front.header(), ...response });
  }

  #send(response: Partial<WatchResponse>): void {
    this.#sent(this.#stream.send(response));
  }

  #sendEncoded(response: Uint8Array): void {
    this.#sent(this.#stream.sendEncoded(response));
  }

  #sent(isFree: boolean): void {
    if (isFree || this.#isBlocked) return;
    this.#isBlocked = true;
    this.#stream.onceDrained(() => {
      this.#isBlocked = false;
      this.#schedule();
    });
  }
}
