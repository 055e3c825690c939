import { setImmediate } from "../../base/system-time.ts";
import { isDeletion, type KeyVersion } from "../../kv/mvcc/key-history.ts";
import type { WatchedChange } from "../../kv/mvcc/watch-hub.ts";
import { Event } from "../../wire/watch-messages.ts";

const PUT = 0;
const DELETE = 1;

/**
 * Encodes events, each once for all watchers that are told of it in the same round. What was encoded is forgotten when
 * the round is over.
 */
export class EventEncoder {
  readonly #plain = new Map<KeyVersion, Uint8Array>();
  readonly #withPrevious = new Map<KeyVersion, Uint8Array>();
  readonly #forget = (): void => {
    this.#plain.clear();
    this.#withPrevious.clear();
  };

  encode({ change, previous }: WatchedChange): Uint8Array {
    const known = previous === null ? this.#plain : this.#withPrevious;
    const found = known.get(change);
    if (found !== undefined) return found;
    if (this.#plain.size + this.#withPrevious.size === 0) setImmediate(this.#forget);
    const type = isDeletion(change) ? DELETE : PUT;
    const encoded = Event.encode({ type, kv: change, prevKv: previous });
    known.set(change, encoded);
    return encoded;
  }
}
