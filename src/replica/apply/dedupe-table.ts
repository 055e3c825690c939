import type { MemberId } from "../../log/entry.ts";
import type { Envelope } from "./envelope.ts";

/** What of an envelope says which command it is. */
type Numbers = Pick<Envelope, "origin" | "epoch" | "sequence" | "settledBelow">;

/** One origin's newest start: every command below `floor` has been applied or given up, and those in `applied` above it too. */
interface Session {
  readonly epoch: number;
  floor: number;
  readonly applied: Set<number>;
}

/** One origin's session as a snapshot keeps it. */
export type PackedSession = readonly [
  origin: MemberId,
  epoch: number,
  floor: number,
  applied: readonly number[],
];

/**
 * Lets each command take effect once. A member sends a command again when a leader falls or a frame is lost, so that
 * the log may hold it twice; the second one is passed over, on every member alike (thesis, section 6.3).
 *
 * It is replicated state: it changes by applied commands only, and snapshots carry it. Its size is bounded by what the
 * origins have in flight, since each command also says what its origin no longer waits for.
 */
export class DedupeTable {
  readonly #sessions = new Map<MemberId, Session>();

  /** Whether the command is seen for the first time; it is then remembered. Nobody waits for those of an earlier start. */
  admit({ origin, epoch, sequence, settledBelow }: Numbers): boolean {
    let session = this.#sessions.get(origin);
    if (session === undefined || epoch > session.epoch) {
      session = { epoch, floor: 0, applied: new Set() };
      this.#sessions.set(origin, session);
    }
    if (epoch < session.epoch) return false;
    if (settledBelow > session.floor) raise(session, settledBelow);
    if (sequence < session.floor || session.applied.has(sequence)) return false;

    if (sequence === session.floor) session.floor += 1;
    else session.applied.add(sequence);
    raise(session, session.floor);
    return true;
  }

  /** Forgets the member's session, once it has left the group. */
  drop(origin: MemberId): void {
    this.#sessions.delete(origin);
  }

  pack(): PackedSession[] {
    return [...this.#sessions]
      .sort(([left], [right]) => left - right)
      .map(([origin, { epoch, floor, applied }]) => [
        origin,
        epoch,
        floor,
        [...applied].sort((a, b) => a - b),
      ]);
  }

  restore(packed: readonly PackedSession[]): void {
    this.#sessions.clear();
    for (const [origin, epoch, floor, applied] of packed)
      this.#sessions.set(origin, { epoch, floor, applied: new Set(applied) });
  }
}

/** Moves the floor up to `floor` at least, and over whatever is applied right above it. */
function raise(session: Session, floor: number): void {
  if (floor > session.floor) {
    session.floor = floor;
    for (const sequence of session.applied) if (sequence < floor) session.applied.delete(sequence);
  }
  while (session.applied.size > 0 && session.applied.delete(session.floor)) session.floor += 1;
}
