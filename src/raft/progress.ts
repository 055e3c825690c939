import type { Index, MemberId } from "../log/entry.ts";
import { InflightWindow } from "./inflight-window.ts";

/**
 * How a leader sends to a follower. `probe`: one append at a time, until it is known where the logs are equal.
 * `replicate`: a stream of appends, limited by the window in flight. `snapshot`: nothing, until a snapshot has arrived.
 */
export type ProgressState = "probe" | "replicate" | "snapshot";

/** How much a leader sends to one follower before it waits for acknowledgements, in messages and in bytes. */
export interface WindowLimits {
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
}

/**
 * What a leader knows of one member's log, its own included.
 *
 * 1. `matched < next`. Everything up to `matched` is equal to ours and durable there.
 * 2. `sentCommit < next` but after a heartbeat: the newest commit index that a message in flight carries.
 */
export class Progress {
  readonly id: MemberId;
  matched: Index = 0;
  next: Index;
  state: ProgressState = "probe";
  isLearner: boolean;
  /** Heard from since the last check of the quorum. */
  isActive: boolean;
  /** The newest round of reads that the member has confirmed. */
  readRound = 0;
  /** The index of the snapshot under way; 0 when there is none. */
  pendingSnapshot: Index = 0;
  readonly inflight: InflightWindow;
  #isPaused = false;
  #sentCommit: Index = 0;

  constructor(id: MemberId, next: Index, isLearner: boolean, isActive: boolean, limits: WindowLimits) {
    this.id = id;
    this.next = next;
    this.isLearner = isLearner;
    this.isActive = isActive;
    this.inflight = new InflightWindow(limits.inflightMessagesMax, limits.inflightBytesMax);
  }

  /** Whether nothing more may be sent until the member answers. */
  get isPaused(): boolean {
    return this.state === "snapshot" || this.#isPaused;
  }

  /** Allows one more probe: the member has shown that it lives. */
  resume(): void {
    this.#isPaused = false;
  }

  becomeProbe(): void {
    const from = this.state === "snapshot" ? Math.max(this.matched, this.pendingSnapshot) : this.matched;
    this.#reset("probe");
    this.next = from + 1;
    this.#lowerSentCommit();
  }

  becomeReplicate(): void {
    this.#reset("replicate");
    this.next = this.matched + 1;
  }

  becomeSnapshot(index: Index): void {
    this.#reset("snapshot");
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.#sentCommit = index;
  }

  /** After a snapshot was delivered or given up: waits for the member's answer before it sends again. */
  endSnapshot(succeeded: boolean): void {
    if (!succeeded) this.pendingSnapshot = 0;
    this.becomeProbe();
    this.#isPaused = true;
  }

  /** Takes note of an append that was sent with so many entries. */
  sent(entries: number, bytes: number): void {
    if (this.state === "probe") {
      if (entries > 0) this.#isPaused = true;
      return;
    }
    if (entries > 0) {
      this.next += entries;
      this.inflight.add(this.next - 1, bytes);
    }
    // What goes out while the window is full is a probe: another one has to wait for an answer.
    this.#isPaused = this.inflight.isFull;
  }

  sentCommit(index: Index): void {
    this.#sentCommit = index;
  }

  /** Whether a message without entries would tell the member of a commit index that it does not know and could use. */
  needsCommit(committed: Index): boolean {
    return committed > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  /** Takes note that the member's log is equal to ours up to `index`. False when that is no news. */
  maybeMatch(index: Index): boolean {
    if (index <= this.matched) return false;
    this.matched = index;
    this.next = Math.max(this.next, index + 1);
    this.#isPaused = false;
    return true;
  }

  /** Goes back after the member refused the append behind `rejected`. False when the refusal is outdated. */
  maybeDecrease(rejected: Index, agreement: Index): boolean {
    if (this.state === "replicate") {
      if (rejected <= this.matched) return false;
      this.next = this.matched + 1;
      this.#lowerSentCommit();
      return true;
    }
    // One probe is under way at a time, and it was sent behind `next - 1`.
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, agreement + 1), this.matched + 1);
    this.#lowerSentCommit();
    this.#isPaused = false;
    return true;
  }

  #reset(state: ProgressState): void {
    this.state = state;
    this.pendingSnapshot = 0;
    this.#isPaused = false;
    this.inflight.clear();
  }

  #lowerSentCommit(): void {
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
  }
}
