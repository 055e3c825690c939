import type { Index, MemberId } from "../log/entry.ts";

/** Who waits for a read: this member itself, or one that forwarded its read. */
export interface Reader {
  readonly from: MemberId;
  readonly request: number;
}

/** A question to all followers: do you still take me for the leader? */
export interface ReadRound {
  readonly number: number;
  /** The commit index when the round began: what the reads must see. */
  readonly index: Index;
  /** When it began, in ticks. */
  readonly tick: number;
  readonly readers: readonly Reader[];
}

/**
 * The reads that a leader has not answered. A read joins the next round that begins, never one that is under way: an
 * answer to an earlier question proves nothing about the moment of the read (thesis, 6.4). Rounds are numbered by the
 * leader itself, so that an old answer can never be taken for a new one.
 */
export class ReadBarrier {
  #waiting: Reader[] = [];
  #rounds: ReadRound[] = [];
  #newest = 0;

  /** Reads that wait, in a round or for one. */
  get count(): number {
    return this.#rounds.reduce((sum, round) => sum + round.readers.length, this.#waiting.length);
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get isRoundOpen(): boolean {
    return this.#rounds.length > 0;
  }

  /** The number of the newest round. */
  get newest(): number {
    return this.#newest;
  }

  add(reader: Reader): void {
    this.#waiting.push(reader);
  }

  /** Begins a round for all that wait, or, for the lease alone, one without readers. */
  begin(index: Index, tick: number, withReaders: boolean): number {
    this.#newest += 1;
    const readers = withReaders ? this.#waiting : [];
    if (withReaders) this.#waiting = [];
    this.#rounds.push({ number: this.#newest, index, tick, readers });
    return this.#newest;
  }

  /** Ends the rounds up to `number`, which a quorum has confirmed. */
  confirm(number: number): ReadRound[] {
    const open = this.#rounds.findIndex((round) => round.number > number);
    return this.#rounds.splice(0, open === -1 ? this.#rounds.length : open);
  }

  /** Everyone who still waits, to be refused. */
  drain(): Reader[] {
    const readers = [...this.#rounds.flatMap((round) => round.readers), ...this.#waiting];
    this.#rounds = [];
    this.#waiting = [];
    return readers;
  }
}
