import { crc32 } from "../../base/checksum.ts";
import type { SessionId } from "./command.ts";
import { SESSION_ANSWERS_MAX, SESSION_BYTES_MAX, SESSION_IDLE_MS_MAX, SESSIONS_MAX } from "./limits.ts";
import { type Answer, decodeAnswer, encodeAnswer } from "./result-codec.ts";

/** What became of one number of a session. */
export interface KeptAnswer {
  readonly number: number;
  /** Of the command, to tell a repetition from another write under the same number. */
  readonly checksum: number;
  /** Empty when the answer was too large to keep. */
  readonly bytes: Uint8Array;
}

/** One session as a snapshot keeps it. */
export interface PackedClientSession {
  readonly id: SessionId;
  /** When it was used last, by the leaders' clock. */
  readonly usedAt: number;
  /** Every number up to here is forgotten. */
  readonly forgotten: number;
  /** In the order in which they took effect. */
  readonly answers: readonly KeptAnswer[];
}

/** Never changes: what happens to a session makes a new record, so that a snapshot can go on reading the old one. */
interface SessionRecord extends PackedClientSession {
  readonly bytes: number;
}

/** What is known of a write before it is carried out. */
export type Recollection =
  /** It has not taken effect yet. */
  | { readonly kind: "new" }
  | { readonly kind: "answered"; readonly answer: Answer }
  /** It took effect or never will, but its answer is gone. */
  | { readonly kind: "forgotten" }
  /** The number belongs to another write. */
  | { readonly kind: "taken" }
  | { readonly kind: "expired" };

/**
 * Remembers what became of the newest numbered writes of each client, so that a repeated one takes effect once and
 * gets the same answer (thesis, section 6.3). Replicated state: it changes by applied commands only, and snapshots
 * carry it.
 */
export class SessionTable {
  /** In order of last use. */
  readonly #sessions = new Map<SessionId, SessionRecord>();
  #heldBytes = 0;

  /** How many client sessions are open. */
  get size(): number {
    return this.#sessions.size;
  }

  /** What they weigh in memory, about. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Begins a session, after giving up those that nobody has used for long; false when there is no room. */
  open(id: SessionId, time: number): boolean {
    for (const { id: oldest, usedAt } of this.#sessions.values()) {
      if (usedAt + SESSION_IDLE_MS_MAX > time) break;
      this.#delete(oldest);
    }
    if (this.#sessions.size >= SESSIONS_MAX) return false;
    this.#add({ id, usedAt: time, forgotten: 0, answers: [], bytes: 0 });
    return true;
  }

  end(id: SessionId): void {
    this.#delete(id);
  }

  /** The lowest number above all that took effect, or undefined when there is no such session. */
  next(id: SessionId): number | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    return Math.max(session.forgotten, ...session.answers.map(({ number }) => number)) + 1;
  }

  recall(id: SessionId, number: number, write: Uint8Array): Recollection {
    const session = this.#sessions.get(id);
    if (session === undefined) return { kind: "expired" };
    const kept = session.answers.find((answer) => answer.number === number);
    if (kept === undefined) return { kind: number > session.forgotten ? "new" : "forgotten" };
    if (kept.checksum !== crc32(write)) return { kind: "taken" };
    return kept.bytes.length === 0
      ? { kind: "forgotten" }
      : { kind: "answered", answer: decodeAnswer(kept.bytes) };
  }

  /** Keeps the answer of a new number, in place of the oldest ones. The session exists. */
  remember(id: SessionId, number: number, write: Uint8Array, answer: Answer, time: number): void {
    const session = this.#sessions.get(id)!;
    const bytes = encodeAnswer(answer);
    const kept = {
      number,
      checksum: crc32(write),
      bytes: bytes.length > SESSION_BYTES_MAX ? NOT_KEPT : bytes,
    };
    // The one that was used last comes last.
    this.#delete(id);
    this.#add(keep({ ...session, usedAt: time }, kept));
  }

  /** As they are now: what happens later does not show. */
  pack(): PackedClientSession[] {
    return [...this.#sessions.values()];
  }

  restore(packed: PackedClientSession): void {
    const bytes = packed.answers.reduce((sum, answer) => sum + answer.bytes.length, 0);
    this.#add({ ...packed, bytes });
  }

  #add(session: SessionRecord): void {
    this.#sessions.set(session.id, session);
    this.#heldBytes += weightOf(session);
  }

  #delete(id: SessionId): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    this.#heldBytes -= weightOf(session);
  }
}

/** What the objects around a session, and around each of its answers, weigh, about. */
const SESSION_OBJECT_BYTES = 256;
const ANSWER_OBJECT_BYTES = 256;

function weightOf({ bytes, answers }: SessionRecord): number {
  return SESSION_OBJECT_BYTES + answers.length * ANSWER_OBJECT_BYTES + bytes;
}

const NOT_KEPT = new Uint8Array(0);

/** The session with one more answer, and without the oldest ones where it has too many. */
function keep(session: SessionRecord, kept: KeptAnswer): SessionRecord {
  const answers = [...session.answers, kept];
  let bytes = session.bytes + kept.bytes.length;
  let { forgotten } = session;
  while (answers.length > SESSION_ANSWERS_MAX || bytes > SESSION_BYTES_MAX) {
    const oldest = answers.shift()!;
    bytes -= oldest.bytes.length;
    forgotten = Math.max(forgotten, oldest.number);
  }
  return { ...session, forgotten, answers, bytes };
}
