import { onAbort } from "../base/aborts.ts";
import type { Timer } from "../base/clock.ts";
import { Emitter } from "../base/emitter.ts";
import { QuorateError } from "../base/errors.ts";
import { flag, OptionTable, oneOf, signal, whole } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { BOUNDS, type Bounds } from "./bounds.ts";
import { DECODE, type DecodeChoice, type OnDecodeError } from "./decoding.ts";
import { compacted, type Keyspace, type KvEntry } from "./keyspace.ts";
import type { KvWatcher } from "./kv-backend.ts";
import { isDeletion, type KeyVersion, type Revision } from "./mvcc/key-history.ts";
import type { WatchBatch, WatchedChange } from "./mvcc/watch-hub.ts";

/**
 * One change of one key: a put with the new entry, or a delete. `prev` is set only if it was requested and is
 * not compacted away.
 */
export type WatchEvent<Value> =
  | {
      readonly type: "put";
      readonly entry: KvEntry<Value>;
      readonly prev?: KvEntry<Value>;
      readonly revision: Revision;
    }
  | {
      readonly type: "delete";
      readonly key: string;
      readonly prev?: KvEntry<Value>;
      readonly revision: Revision;
    };

/** Options of `watch` other than which keys. */
export interface WatchSettings {
  /** The first revision of interest: what happened since is told first. Without it, what this member applies from now on. */
  readonly from?: Revision | undefined;
  /** Whether events tell what was there before. It is missing where that is compacted away. */
  readonly prev?: boolean | undefined;
  /** Leave out events of one type. */
  readonly without?: "put" | "delete" | undefined;
  /** Whether quiet times bring a `progress` event now and then, or an empty batch where batches are iterated. */
  readonly progress?: boolean | undefined;
  /** How many events may wait; beyond that they are read from the history later. Default 1024. */
  readonly highWaterMark?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Options of `watch`: which keys, from which revision, and what each event carries. */
export type WatchOptions = Bounds & WatchSettings;

const WATCH_OPTIONS = new OptionTable<WatchOptions & DecodeChoice>("watch", {
  ...BOUNDS,
  ...DECODE,
  from: whole(1),
  prev: flag,
  without: oneOf("put", "delete"),
  progress: flag,
  highWaterMark: whole(1),
  signal,
});

/** Events of a `Watch`. Listeners are called in order of revision. */
export type WatchEvents<Value> = {
  put: (entry: KvEntry<Value>, prev: KvEntry<Value> | undefined) => void;
  delete: (key: string, prev: KvEntry<Value> | undefined, revision: Revision) => void;
  /** Every event up to this revision has been emitted. */
  progress: (revision: Revision) => void;
  /** The watch is over, for whatever reason. The last event. */
  end: () => void;
  error: (error: QuorateError) => void;
};

const WATCH_EVENTS: Readonly<Record<keyof WatchEvents<unknown>, true>> = {
  ...{ put: true, delete: true, progress: true, end: true, error: true },
};

/** How often a quiet watch tells its progress, if asked to. */
export const WATCH_PROGRESS_MS = 10_000;

/**
 * The changes of a range of keys, in order, each once and none left out; those of one revision come together. Listen
 * to its events, or iterate: over single events, or with `batches` over groups that never split a revision. While
 * somebody iterates nothing is emitted but `end` and `error`.
 *
 * Whoever is slow loses nothing: events are then read from the history. Only if that was compacted meanwhile does the
 * watch end, with ERR_COMPACTED, whose `revision` is the first one that was missed.
 *
 * A put whose value cannot be decoded ends the watch with ERR_DECODE, after all events of the revisions before it; watch
 * again from `progress` + 1, with `onDecodeError` to step over it. A `prev` that cannot be decoded ends nothing: reading its
 * `value` throws.
 */
export class Watch<Value>
  extends Emitter<WatchEvents<Value>>
  implements AsyncIterable<WatchEvent<Value>>, AsyncDisposable
{
  readonly #space: Keyspace<Value>;
  readonly #watcher: KvWatcher;
  readonly #signal: AbortSignal | undefined;
  #forgetSignal: (() => void) | undefined;
  readonly #onEnd: (watch: Watch<Value>) => void;
  #isIterated = false;
  #isOver = false;
  #failure: QuorateError | null = null;
  #wake: (() => void) | null = null;
  /** Events on their way to the listeners. */
  #emitting: WatchEvent<Value>[] = [];
  #emitted = 0;
  #isPumpScheduled = false;
  /** The first revision of the events that are being told, while there are any. */
  #telling: Revision | null = null;
  #progressTimer: Timer | null = null;
  readonly #tellsProgress: boolean;
  readonly #onDecodeError: OnDecodeError | undefined;
  /** What ends the watch once everything before it is told. */
  #ending: { readonly error: QuorateError; readonly revision: Revision } | null = null;
  #isProgressDue = false;
  #hasToldLately = false;

  /** @internal Use `Kv.watch`. */
  constructor(
    space: Keyspace<Value>,
    keyOrRange: string | (WatchOptions & DecodeChoice),
    onEnd: (watch: Watch<Value>) => void,
  ) {
    super(WATCH_EVENTS);
    const options: WatchSettings & DecodeChoice = typeof keyOrRange === "object" ? keyOrRange : {};
    const range = space.keyOrRange(keyOrRange, WATCH_OPTIONS);
    this.#space = space;
    this.#onEnd = onEnd;
    this.#onDecodeError = options.onDecodeError;
    const request = {
      range,
      from: options.from ?? null,
      previous: options.prev === true,
      without: options.without,
      pendingMax: options.highWaterMark,
    };
    this.#watcher = space.backend.watch(request, () => this.#advance());
    this.#signal = options.signal;
    this.#tellsProgress = options.progress === true;
    if (this.#tellsProgress) this.#scheduleProgress();
    if (this.#signal?.aborted === true) this.#end(null);
    else if (this.#signal !== undefined) this.#forgetSignal = onAbort(this.#signal, () => this.#end(null));
  }

  /**
   * The revision of the store when the watch began. Without `from`, events begin after it. On a store elsewhere 0 until
   * the server has answered.
   */
  get revision(): Revision {
    return this.#watcher.startedAt;
  }

  /** Whether the watch has ended. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Every event up to this revision has been told, so a later watch may begin behind it; undefined before `from` is reached.
   * Events that an iteration is still going through are not told yet.
   */
  get progress(): Revision | undefined {
    if (this.#telling !== null) return this.#telling - 1;
    return this.#watcher.told;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent<Value>, void, undefined> {
    for await (const batch of this.batches()) yield* batch;
  }

  /**
   * Groups of events that wait together. There is one iteration of a watch; leaving it ends the watch. A watch that is
   * to tell its progress gives an empty group where there is nothing else: `progress` has moved.
   */
  async *batches(): AsyncGenerator<readonly WatchEvent<Value>[], void, undefined> {
    if (this.#isIterated) {
      throw new QuorateError("ERR_INVALID_ARGUMENT", "a watch is iterated once", { argument: "watch" });
    }
    this.#isIterated = true;
    try {
      const untold = this.#emitting.slice(this.#emitted);
      if (untold.length > 0) yield untold;
      while (!this.#isOver) {
        this.#telling = null;
        const events = this.#nextEvents();
        if (events === null) await this.#nextNews();
        else if (events.length > 0 || this.#tellsProgress) yield events;
        // A long history must not keep others waiting.
        if (this.#watcher.isBehind) await new Promise<void>((resolve) => this.#space.clock.soon(resolve));
      }
      this.#signal?.throwIfAborted();
      if (this.#failure !== null) throw this.#failure;
    } catch (error) {
      if (QuorateError.is(error)) this.#end(error);
      throw error;
    } finally {
      this.#end(null);
    }
  }

  /** Ends the watch: an iteration ends, and no event follows but `end`. */
  async close(): Promise<void> {
    this.#end(null);
  }

  /** @internal Ends the watch with that error: an iteration throws it, listeners of `error` are told. */
  fail(reason: QuorateError): void {
    this.#failure = reason;
    this.#end(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(null);
  }

  protected override listened(): void {
    this.#advance();
  }

  /** Something may be there to take. Decides who takes it. */
  #advance(): void {
    if (this.#isIterated) this.#wakeIteration();
    else this.#maybePump();
  }

  #maybePump(): void {
    if (this.#isPumpScheduled || this.#isOver || !this.#hasListeners()) return;
    this.#isPumpScheduled = true;
    // Soon, not now: a listener must not run inside the machine's turn.
    this.#space.clock.soon(() => this.#pump());
  }

  #hasListeners(): boolean {
    return this.listenerCount("put") > 0 || this.listenerCount("delete") > 0;
  }

  /** Emits what waits. Runs again soon while there is more: a long history must not keep others waiting. */
  #pump(): void {
    this.#isPumpScheduled = false;
    if (this.#isIterated || this.#isOver) return;
    if (this.#emitted === this.#emitting.length && !this.#takeForListeners()) return;
    try {
      this.#emitAll();
      if (!this.#isIterated) this.#telling = null;
    } finally {
      // What a listener throws is its own affair: the events behind it still come.
      this.#advance();
    }
  }

  #takeForListeners(): boolean {
    try {
      const batch = this.#take();
      this.#emitting = batch === undefined ? [] : this.#events(batch);
      this.#emitted = 0;
      return batch !== undefined;
    } catch (error) {
      if (!QuorateError.is(error)) throw error;
      this.#end(error);
      return false;
    }
  }

  #emitAll(): void {
    while (this.#emitted < this.#emitting.length && !this.#isOver && !this.#isIterated) {
      const event = this.#emitting[this.#emitted++]!;
      if (event.type === "put") this.emit("put", event.entry, event.prev);
      else this.emit("delete", event.key, event.prev, event.revision);
    }
  }

  /** For an iteration: what there is to tell now; nothing at all is told where progress is due. */
  #nextEvents(): WatchEvent<Value>[] | null {
    const batch = this.#take();
    if (batch !== undefined) return this.#events(batch);
    const events = this.#isProgressDue ? [] : null;
    this.#isProgressDue = false;
    return events;
  }

  /** What comes next, or null when there is nothing now. Throws what ends the watch. */
  #take(): WatchBatch | undefined {
    if (this.#ending === null) return this.#watcher.take();
    this.#telling = this.#ending.revision;
    throw this.#ending.error;
  }

  #events(batch: WatchBatch): WatchEvent<Value>[] {
    if (batch.kind === "compacted") throw compacted(batch.revision, batch.compactRevision);
    const first = batch.changes[0];
    if (first !== undefined) {
      this.#telling = first.change.modRevision;
      this.#hasToldLately = true;
    }
    const events: WatchEvent<Value>[] = [];
    for (const watched of batch.changes) {
      try {
        const event = this.#event(watched);
        if (event !== null) events.push(event);
      } catch (error) {
        if (!QuorateError.is(error)) throw error;
        const revision = watched.change.modRevision;
        this.#ending = { error, revision };
        // A revision is told whole, or not at all.
        return events.filter((event) => event.revision < revision);
      }
    }
    return events;
  }

  /** Null when it is to be left out. Throws ERR_DECODE. */
  #event({ change, previous }: WatchedChange): WatchEvent<Value> | null {
    const event = this.#eventAlone(change);
    const prev = event === null || previous === null ? undefined : this.#previous(previous);
    return event === null || prev === undefined ? event : { ...event, prev };
  }

  #eventAlone(change: KeyVersion): WatchEvent<Value> | null {
    const revision = change.modRevision;
    if (isDeletion(change)) return { type: "delete", key: this.#space.keyText(change.key), revision };
    const entry = this.#space.sharedEntry(change, this.#onDecodeError);
    return entry === undefined ? null : { type: "put", entry, revision };
  }

  #previous(version: KeyVersion): KvEntry<Value> | undefined {
    if (this.#onDecodeError === undefined && !this.#space.codec.isImmutable)
      return this.#space.entryBeside(version, "none");
    return this.#space.sharedEntry(version, this.#onDecodeError);
  }

  #scheduleProgress(): void {
    this.#progressTimer = this.#space.clock.after(WATCH_PROGRESS_MS, () => {
      const isQuiet = !this.#hasToldLately && this.#telling === null;
      this.#hasToldLately = false;
      this.#scheduleProgress();
      if (isQuiet && this.#watcher.progress !== undefined) this.#tellProgress(this.#watcher.progress);
    });
  }

  #tellProgress(revision: Revision): void {
    if (!this.#isIterated) this.emit("progress", revision);
    else if (this.#wake !== null) {
      this.#isProgressDue = true;
      this.#wakeIteration();
    }
  }

  #nextNews(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #wakeIteration(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  #end(error: QuorateError | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watcher.close();
    this.#progressTimer?.cancel();
    this.#forgetSignal?.();
    this.#onEnd(this);
    this.#wakeIteration();
    if (error !== null) this.emit("error", error);
    this.emit("end");
  }
}

takes(Watch, { batches: 0, close: 0 });
