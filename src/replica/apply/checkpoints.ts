import { crc32 } from "../../base/checksum.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { pack, unpack } from "../../base/codec.ts";
import { QuorateError } from "../../base/errors.ts";
import { rethrowing, synchronous } from "../../base/foreign.ts";
import { describe } from "../../base/options.ts";
import type { Entry, Index, MemberId } from "../../log/entry.ts";
import type { Raft } from "../../raft/raft.ts";
import { machineError } from "../failure.ts";
import { sealReport } from "./envelope.ts";

/** How many checkpoints are remembered: a report that comes later than that many has nothing to be compared with. */
const CHECKPOINTS_KEPT = 4;
/** Between two steps of hashing the state, so that it takes little from others. */
const HASH_PAUSE_MS = 4;

/** What one member says of the log and its state as of one index. */
export interface Report {
  readonly member: MemberId;
  readonly index: Index;
  /** The checksum of all entries up to there, each going on from the one before. */
  readonly log: number;
  /** The checksum of the machine's state, null where it gives none. */
  readonly state: number | null;
}

type What = "log" | "state";

/** What is known of one index. */
interface Checkpoint {
  readonly reports: Map<MemberId, Report>;
  readonly diverged: Set<MemberId>;
  own: Report | null;
}

export interface CheckpointsParts {
  readonly id: MemberId;
  readonly clock: Pick<Clock, "after">;
  /** Every so many entries there is a checkpoint. */
  readonly everyEntries: number;
  readonly electionTicks: number;
  /** See `StateMachine.beginHash`. */
  beginHash(): (() => number | undefined) | undefined;
  onDiverged(error: QuorateError<"ERR_DIVERGED">): void;
  /** A majority, of which this member is one, has another sum than that member. Told once for each checkpoint. */
  onOtherDiverged?(member: MemberId, index: Index): void;
}

/**
 * Notices members that have come apart: by bad memory, a disk that gave other bytes than it was given, or a state machine
 * that is not deterministic. At every so many entries each member sums up its log and its state, and has its sums agreed
 * on like a command. A member whose sums are not those of a majority of the voters stops; so do all, when there is no
 * such majority.
 *
 * What was reported is not replicated state: who starts anew, or from a snapshot, compares from there on.
 */
export class Checkpoints {
  readonly #parts: CheckpointsParts;
  readonly #known = new Map<Index, Checkpoint>();
  /** The checksum of the log so far. */
  #log = 0;
  /** Our own report, until it is agreed on. */
  #due: Report | null = null;
  #ticksSinceSent = 0;
  /** Why this member is to stop, and when at the latest. */
  #ending: { readonly error: QuorateError<"ERR_DIVERGED">; ticksLeft: number } | null = null;
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(parts: CheckpointsParts) {
    this.#parts = parts;
  }

  get log(): number {
    return this.#log;
  }

  /** How many checkpoints it has heard of. */
  get places(): number {
    return this.#known.size;
  }

  /** Whether the machine must be asked for its state right after this entry. */
  isAt(index: Index): boolean {
    return index % this.#parts.everyEntries === 0;
  }

  /** Goes on from a snapshot's checksum of the log. */
  restored(log: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#log = log;
    this.#known.clear();
    this.#due = null;
    this.#ending = null;
  }

  /** Sums up one more entry. */
  take({ index, term, data }: Entry): void {
    this.#log = crc32(
      data,
      (this.#log + Math.imul(index, INDEX_FACTOR) + Math.imul(term, TERM_FACTOR)) >>> 0,
    );
  }

  /** The state is now that of a checkpoint. */
  reached(index: Index, voters: readonly MemberId[]): void {
    if (this.#isStopped) return;
    const { id: member } = this.#parts;
    const report: Report = { member, index, log: this.#log, state: null };
    // What is being summed up is pinned until that has ended. A checkpoint that comes meanwhile compares its log alone.
    const step = this.#timer === null ? asked(() => stepOf(this.#parts.beginHash())) : undefined;
    if (step === undefined) this.#summedUp(report, voters);
    else this.#hash(step, (state) => this.#summedUp({ ...report, state }, voters));
  }

  /** A report was agreed on. Bytes that are none mean nothing, on every member alike. */
  reported(bytes: Uint8Array, voters: readonly MemberId[]): void {
    const report = decodeReport(bytes);
    if (report === null || !this.isAt(report.index)) return;
    if (report.member === this.#parts.id && report.index === this.#due?.index) this.#due = null;
    const checkpoint = this.#checkpoint(report.index);
    if (checkpoint === null) return;
    checkpoint.reports.set(report.member, report);
    this.#compare(report.index, checkpoint, voters);
  }

  /** Has our report agreed on; again when that was lost. */
  tick(raft: Raft): void {
    if (this.#ending !== null && --this.#ending.ticksLeft <= 0) this.#parts.onDiverged(this.#ending.error);
    this.#ticksSinceSent += 1;
    if (this.#due === null || raft.leader === undefined || this.#ticksSinceSent < this.#parts.electionTicks)
      return;
    this.#ticksSinceSent = 0;
    const data = sealReport(encodeReport(this.#due));
    raft.propose(UNANSWERED, [{ kind: "command", data }]);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #hash(step: () => unknown, done: (state: number) => void): void {
    this.#timer = this.#parts.clock.after(HASH_PAUSE_MS, () => {
      this.#timer = null;
      const state = asked(() => sumOf(step()));
      if (state === undefined) this.#hash(step, done);
      else done(state);
    });
  }

  #summedUp(report: Report, voters: readonly MemberId[]): void {
    const { index } = report;
    this.#due = report;
    this.#ticksSinceSent = this.#parts.electionTicks;
    const checkpoint = this.#checkpoint(index);
    if (checkpoint === null) return;
    checkpoint.own = report;
    this.#compare(index, checkpoint, voters);
  }

  /** The others are to know who came apart: so we stop when our report is agreed on, or could not be for a while. */
  #end(error: QuorateError<"ERR_DIVERGED">): void {
    if (this.#due === null) this.#parts.onDiverged(error);
    else this.#ending ??= { error, ticksLeft: this.#parts.electionTicks };
  }

  /** Null for one that is too old. */
  #checkpoint(index: Index): Checkpoint | null {
    const known = this.#known.get(index);
    if (known !== undefined) return known;
    const oldest = Math.min(...this.#known.keys());
    if (this.#known.size >= CHECKPOINTS_KEPT) {
      if (index < oldest) return null;
      this.#known.delete(oldest);
    }
    const checkpoint = { reports: new Map<MemberId, Report>(), diverged: new Set<MemberId>(), own: null };
    this.#known.set(index, checkpoint);
    return checkpoint;
  }

  #compare(index: Index, { reports, diverged, own }: Checkpoint, voters: readonly MemberId[]): void {
    if (own === null) return;
    for (const what of ["log", "state"] as const) {
      const sums = voters.map((voter) => reports.get(voter)?.[what] ?? null);
      const verdict = verdictOn(sums);
      if (verdict === "open" || own[what] === null) continue;
      if (verdict !== own[what]) {
        this.#end(divergedError(index, what, own[what], verdict));
        return;
      }
      for (const [at, voter] of voters.entries()) {
        if (sums[at] === null || sums[at] === verdict || diverged.has(voter)) continue;
        diverged.add(voter);
        this.#parts.onOtherDiverged?.(voter, index);
      }
    }
  }
}

/** What the machine answers. Throws ERR_MACHINE when it throws. */
function asked<Answer>(ask: () => Answer): Answer {
  return rethrowing(ask, (cause) => machineError("beginHash", cause));
}

function stepOf(begun: unknown): (() => unknown) | undefined {
  if (begun === undefined) return undefined;
  if (typeof begun === "function") return begun as () => unknown;
  throw new TypeError(`it must return a function, not ${describe(synchronous(begun, "it"))}`);
}

/** Another number would reach nobody: reports are whole numbers. */
function sumOf(answer: unknown): number | undefined {
  if (answer === undefined || Number.isSafeInteger(answer)) return answer as number | undefined;
  throw new TypeError(
    `its function must return a whole number or undefined, not ${describe(synchronous(answer, "it"))}`,
  );
}

/** What a majority says, null when it is known that no majority says the same, or `open`. */
function verdictOn(sums: readonly (number | null)[]): number | undefined | "open" {
  const counts = new Map<number, number>();
  for (const sum of sums) if (sum !== null) counts.set(sum, (counts.get(sum) ?? 0) + 1);
  const missing = sums.filter((sum) => sum === null).length;
  let most = 0;
  for (const [sum, count] of counts) {
    if (count * 2 > sums.length) return sum;
    most = Math.max(most, count);
  }
  return (most + missing) * 2 > sums.length ? "open" : undefined;
}

function divergedError(
  index: Index,
  what: What,
  own: number,
  majority: number | undefined,
): QuorateError<"ERR_DIVERGED"> {
  const others = majority === undefined ? "the members do not agree on any" : `a majority has ${majority}`;
  return new QuorateError(
    "ERR_DIVERGED",
    `the ${what} of this member is not that of the others at entry ${index}: its sum is ${own}, ${others}`,
    { index, what, own, majority },
  );
}

/** A request whose outcome nobody waits for. */
const UNANSWERED = 0;
const INDEX_FACTOR = 0x9e3779b1;
const TERM_FACTOR = 0x85ebca6b;

function encodeReport({ member, index, log, state }: Report): Uint8Array {
  return pack([member, index, log, state]);
}

function decodeReport(bytes: Uint8Array): Report | null {
  try {
    const [member, index, log, state] = unpack(bytes) as [number, number, number, number | null];
    const isSound = [member, index, log, state ?? 0].every(Number.isSafeInteger) && index > 0;
    return isSound ? { member, index, log, state } : null;
  } catch {
    return null;
  }
}
