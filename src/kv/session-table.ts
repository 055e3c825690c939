import { crc32 } from "../base/checksum.ts";
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
  readonly answers: readonly KeptAnswer[];
}

interface SessionRecord {
  readonly id: SessionId;
  usedAt: number;
  forgotten: number;
  /** By number, in the order in which they took effect. */
  readonly answers: Map<number, KeptAnswer>;
  bytes: number;
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

  get size(): number {
    return this.#sessions.size;
  }

  /** Begins a session, after giving up those that nobody has used for long; false when there is no room. */
  open(id: SessionId, time: number): boolean {
    for (const { id: oldest, usedAt } of this.#sessions.values()) {
      if (usedAt + SESSION_IDLE_MS_MAX > time) break;
      this.#sessions.delete(oldest);
    }
    if (this.#sessions.size >= SESSIONS_MAX) return false;
    this.#sessions.set(id, { id, usedAt: time, forgotten: 0, answers: new Map(), bytes: 0 });
    return true;
  }

  end(id: SessionId): void {
    this.#sessions.delete(id);
  }

  /** The lowest number above all that took effect, or undefined when there is no such session. */
  next(id: SessionId): number | undefined {
    const session = this.#sessions.get(id);
    if (session === undefined) return undefined;
    let highest = session.forgotten;
    for (const number of session.answers.keys()) highest = Math.max(highest, number);
    return highest + 1;
  }

  recall(id: SessionId, number: number, write: Uint8Array): Recollection {
    const session = this.#sessions.get(id);
    if (session === undefined) return { kind: "expired" };
    const kept = session.answers.get(number);
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
    keep(session, {
      number,
      checksum: crc32(write),
      bytes: bytes.length > SESSION_BYTES_MAX ? NOT_KEPT : bytes,
    });
    session.usedAt = time;
    this.#sessions.delete(id);
    this.#sessions.set(id, session);
  }

  pack(): PackedClientSession[] {
    return [...this.#sessions.values()].map(({ id, usedAt, forgotten, answers }) => {
      return { id, usedAt, forgotten, answers: [...answers.values()] };
    });
  }

  restore({ id, usedAt, forgotten, answers }: PackedClientSession): void {
    const session: SessionRecord = { id, usedAt, forgotten, answers: new Map(), bytes: 0 };
    for (const answer of answers) keep(session, answer);
    this.#sessions.set(id, session);
  }
}

const NOT_KEPT = new Uint8Array(0);

function keep(session: SessionRecord, kept: KeptAnswer): void {
  const { answers } = session;
  answers.set(kept.number, kept);
  session.bytes += kept.bytes.length;
  for (const { number, bytes } of answers.values()) {
    if (answers.size <= SESSION_ANSWERS_MAX && session.bytes <= SESSION_BYTES_MAX) return;
    answers.delete(number);
    session.bytes -= bytes.length;
    session.forgotten = Math.max(session.forgotten, number);
  }
}
