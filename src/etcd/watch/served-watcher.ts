import type { Revision } from "../../kv/mvcc/key-history.ts";
import type { KeyRange } from "../../kv/mvcc/key-range.ts";
import type { WatchBatch, WatchedChange, Watcher, WatchHub } from "../../kv/mvcc/watch-hub.ts";
import { type RpcError, refusal } from "../../wire/status.ts";
import { EncodedWatchResponse, type WatchCreateRequest } from "../../wire/watch-messages.ts";
import type { Front } from "../call/front.ts";
import { keyRange } from "../kv/key-ranges.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../options.ts";
import type { EventEncoder } from "./event-encoder.ts";
import type { WatchPermit } from "./watch-permit.ts";

/** The id of nothing in particular: of a watcher that was refused, and of all on a stream. */
export const INVALID_WATCH_ID = -1;

const NO_PUT = 0;
const NO_DELETE = 1;

/** Why etcd would refuse to watch this, or null. */
export function checkCreate({ key, rangeEnd, startRevision }: WatchCreateRequest): RpcError | null {
  if (startRevision < 0) return refusal("compacted");
  if (rangeEnd !== "" && rangeEnd !== "\0" && firstKey(key) >= rangeEnd) return refusal("emptyWatch");
  return null;
}

export function watchedRange({ key, rangeEnd }: WatchCreateRequest): KeyRange {
  return keyRange(firstKey(key), rangeEnd);
}

function firstKey(key: string): string {
  return key === "" ? "\0" : key;
}

/** One watcher of a stream, and how it is told of what it sees. */
export class ServedWatcher {
  readonly id: number;
  readonly watcher: Watcher;
  readonly permit: WatchPermit;
  readonly request: WatchCreateRequest;
  /** Whether it was told something since its progress was last due. */
  #isTold = false;

  constructor(
    id: number,
    request: WatchCreateRequest,
    permit: WatchPermit,
    hub: WatchHub,
    onReady: () => void,
  ) {
    const { startRevision, prevKv, filters } = request;
    this.id = id;
    this.permit = permit;
    this.request = request;
    const wanted = {
      range: watchedRange(request),
      from: startRevision === 0 ? null : Math.min(startRevision, Number.MAX_SAFE_INTEGER),
      previous: prevKv,
      without: filters.includes(NO_PUT) ? "put" : filters.includes(NO_DELETE) ? "delete" : undefined,
    } as const;
    this.watcher = hub.watch(wanted, onReady);
  }

  /** Whether it is to be told how far it is: nothing else was told for a while, and nothing waits. */
  isProgressDue(): boolean {
    const isQuiet = !this.#isTold;
    this.#isTold = false;
    return this.request.progressNotify && isQuiet && this.watcher.progress !== undefined;
  }

  /**
   * What is sent for a batch: responses of a bounded size that part between revisions, or, where the client has asked
   * for fragments, within one that is too large by itself.
   */
  *responses(
    { changes, revision }: Extract<WatchBatch, { kind: "changes" }>,
    encoder: EventEncoder,
    front: Front,
  ): Generator<Uint8Array> {
    const wanted = this.#isNothingWanted ? [] : changes;
    const pieces = [
      ...cut(wanted, encoder, front.settings.requestBytesMax + MESSAGE_OVERHEAD_BYTES, this.request.fragment),
    ];
    if (pieces.length > 0) this.#isTold = true;
    for (const [at, { events, last, isFragment }] of pieces.entries()) {
      // Only the end of the batch promises that nothing before its revision is missing.
      const header = front.header(at === pieces.length - 1 ? revision : last);
      yield EncodedWatchResponse.encode({ header, watchId: this.id, events, fragment: isFragment });
    }
  }

  get #isNothingWanted(): boolean {
    const { filters } = this.request;
    return filters.includes(NO_PUT) && filters.includes(NO_DELETE);
  }
}

interface Piece {
  readonly events: readonly Uint8Array[];
  /** The revision of its last event. */
  readonly last: Revision;
  /** Whether the revision goes on in the next piece. */
  readonly isFragment: boolean;
}

function* cut(
  changes: readonly WatchedChange[],
  encoder: EventEncoder,
  bytesMax: number,
  mayPartRevisions: boolean,
): Generator<Piece> {
  let events: Uint8Array[] = [];
  let bytes = 0;
  let last = 0;
  for (const watched of changes) {
    const event = encoder.encode(watched);
    const revision = watched.change.modRevision;
    const isWithin = revision === last;
    if (events.length > 0 && bytes + event.length > bytesMax && (!isWithin || mayPartRevisions)) {
      yield { events, last, isFragment: isWithin };
      events = [];
      bytes = 0;
    }
    events.push(event);
    bytes += event.length;
    last = revision;
  }
  if (events.length > 0) yield { events, last, isFragment: false };
}
