import { invalidArgument } from "../base/errors.ts";
import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import type { Keyspace } from "./keyspace.ts";
import type { SessionId } from "./machine/command.ts";

const END_OPTIONS = callOptions("session.end");

/** A session, and its lowest number that was never used. */
export interface OpenedSession {
  readonly id: SessionId;
  readonly next: number;
}

/**
 * Makes retried writes take effect once. Each write of a session has a number. Whoever does not know what became of a
 * write makes it again under the same number: it takes effect if it did not before, and the answer is that of the
 * first time, on any member, across changes of leader, restarts and snapshots.
 *
 *     const write = session.once();
 *     await write.put("a", "1");     // Failed with outcome "unknown"?
 *     await write.put("a", "1");     // The same write again.
 *
 * A session remembers the answers of its newest 128 numbers; one that nobody uses for a day may be given up.
 */
export class ClientSession<View> {
  /** Keep it, and the numbers in use, to go on with the session after a restart. */
  readonly id: SessionId;
  readonly #space: Keyspace<unknown>;
  readonly #view: (space: Keyspace<never>) => View;
  #next: number;

  /** @internal Use `Kv.session`. */
  constructor(space: Keyspace<unknown>, view: (space: Keyspace<never>) => View, opened: OpenedSession) {
    this.#space = space;
    this.#view = view;
    this.id = opened.id;
    this.#next = opened.next;
  }

  /**
   * The store, for one write: a put, a delete or a transaction, as often as it takes. The next free number by default;
   * another write under a number that is taken is refused with ERR_INVALID_ARGUMENT.
   *
   * Its writes throw ERR_SESSION_EXPIRED and ERR_ANSWER_FORGOTTEN as well, both with the outcome `unknown`.
   */
  once(number: number = this.#next): View {
    if (!Number.isSafeInteger(number) || number < 1) {
      throw invalidArgument("number", number, "numbers of writes are whole, from 1");
    }
    this.#next = Math.max(this.#next, number + 1);
    return this.#view(this.#space.numbered({ session: this.id, number }) as Keyspace<never>);
  }

  /** Forgets the session. Retries under its numbers fail from then on. */
  async end(options: CallOptions = NO_OPTIONS): Promise<void> {
    END_OPTIONS.check(options);
    await this.#space.propose({ kind: "session-end", session: this.id }, "done", options);
  }
}

takes(ClientSession, { once: 1, end: 1 });
