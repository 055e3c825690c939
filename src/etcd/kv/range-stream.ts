import type { KeyVersion } from "../../kv/mvcc/key-history.ts";
import type { KeyRange } from "../../kv/mvcc/key-range.ts";
import { type RangeRequest, RangeResponse, RangeStreamResponse } from "../../wire/kv-messages.ts";
import { refusal } from "../../wire/status.ts";
import type { Caller } from "../call/caller.ts";
import type { Front } from "../call/front.ts";
import { drained } from "../drained.ts";
import type { MessageStream } from "../services.ts";
import { keyRange } from "./key-ranges.ts";
import { checkRange, checkReadable, keyValues, readRange } from "./range-request.ts";

/** Keys in the first part of an answer. */
const FIRST_KEYS = 10;

type RangeStreamMessages = MessageStream<RangeRequest, { readonly rangeResponse: RangeResponse | null }>;

/**
 * Gives a range part by part, as it was at one revision. What is told of the whole (header, count, more) comes with the
 * last part. The parts grow until they are about half as large as the largest request.
 */
export async function streamRange(
  front: Front,
  request: RangeRequest,
  stream: RangeStreamMessages,
): Promise<void> {
  checkRange(request);
  checkStreamable(request);
  if (!request.serializable) await front.linearize();
  const header = front.header();
  const pinned = { ...request, revision: request.revision > 0 ? request.revision : header.revision };
  stream.client.checkReads(keyRange(request.key, request.rangeEnd));
  front.checkSound();
  checkReadable(pinned.revision, front.machine.store);
  front.machine.counts.ranges += 1;
  const { count } = readRange({ ...pinned, countOnly: true }, front.machine.store);
  const wanted = request.limit > 0 ? Math.min(request.limit, count) : count;

  const parts = new RangeParts(stream.client, pinned);
  let left = request.countOnly ? 0 : wanted;
  for (let size = FIRST_KEYS; left > size; ) {
    const encoded = RangeStreamResponse.encode({
      rangeResponse: RangeResponse.of({ kvs: parts.take(size) }),
    });
    left -= size;
    if (encoded.length < front.settings.requestBytesMax / 2) size *= 2;
    else if (encoded.length > front.settings.requestBytesMax * 2) size = Math.max(1, size >>> 1);
    await drained(stream, stream.sendEncoded(encoded));
  }
  const more = !request.countOnly && wanted < count;
  stream.send({ rangeResponse: { kvs: left === 0 ? [] : parts.take(left), header, more, count } });
}

/** One state of a range, taken piece by piece. */
class RangeParts {
  readonly #client: Caller;
  readonly #request: RangeRequest;
  #range: KeyRange;

  constructor(client: Caller, request: RangeRequest) {
    this.#client = client;
    this.#request = request;
    this.#range = keyRange(request.key, request.rangeEnd);
  }

  /** The next keys. Throws when the state was compacted away in between, or is not the client's to read any more. */
  take(limit: number): readonly KeyVersion[] {
    const { store } = this.#client.front.machine;
    this.#client.checkReads(this.#range);
    const { revision } = this.#request;
    checkReadable(revision, store);
    const { versions } = store.range(this.#range, { revision, limit });
    this.#range = { ...this.#range, from: `${versions.at(-1)!.key}\0` };
    return keyValues(this.#request, versions);
  }
}

function checkStreamable(request: RangeRequest): void {
  if (request.sortTarget !== 0 || request.sortOrder > 1) throw refusal("sortedStream");
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  if (minModRevision || maxModRevision || minCreateRevision || maxCreateRevision)
    throw refusal("filteredStream");
}
