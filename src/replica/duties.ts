import { EMPTY_BYTES } from "../base/bytes.ts";
import type { MemberId } from "../log/entry.ts";
import type { Raft } from "../raft/raft.ts";
import { encodeMemberNews } from "./apply/applier.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { Directory } from "./members/directory.ts";
import type { StoreTags } from "./members/store-tags.ts";

export interface DutiesParts {
  readonly raft: Raft;
  readonly stores: StoreTags;
  readonly directory: Directory;
  readonly disk: DiskWatch;
  readonly electionTicks: number;
  /** Whether there is a snapshot that another member can be sent. */
  hasSnapshotToSend(): boolean;
  takeSnapshot(): void;
  /** Whether the disk has no room for more. */
  isDiskFull(): boolean;
  /** The disk has become full, or has room again. */
  onDiskFull(isFull: boolean): void;
  /** The disk is full: told at once, and again in each election timeout, until it is not. */
  onFullDisk(): void;
  /** The disk has stood still for so many ticks; told once each time. */
  onSlowDisk(ticks: number): void;
}

/** What a leader owes its group with each tick, beside the core's own heartbeats. */
export class Duties {
  readonly #parts: DutiesParts;

  /** For how many ticks the disk has been full. */
  #fullTicks = 0;

  constructor(parts: DutiesParts) {
    this.#parts = parts;
  }

  tick(): void {
    this.#recordStore();
    this.#promote();
    this.#makeSnapshotToSend();
    this.#leaveStalledDisk();
    this.#leaveFullDisk();
  }

  /** The voter that is furthest in the log, if we lead and there is another. */
  get heir(): MemberId | null {
    const { raft } = this.#parts;
    if (raft.role !== "leader") return null;
    const others = raft.status().progress.filter(({ id, isLearner }) => id !== raft.id && !isLearner);
    others.sort((left, right) => right.matched - left.matched);
    return others[0]?.id ?? null;
  }

  /** The group agrees on the stores that its leader hears, one at a time. */
  #recordStore(): void {
    const { raft, stores } = this.#parts;
    const member = raft.role === "leader" ? stores.next() : null;
    if (member === null) return;
    const changes = [{ kind: "update", member: member.id }] as const;
    raft.proposeMembership(UNANSWERED, { transition: "auto", changes, context: encodeMemberNews([member]) });
  }

  /** A learner that is to vote becomes a voter as soon as it has caught up: until then the core refuses. */
  #promote(): void {
    const { raft, directory } = this.#parts;
    if (raft.role !== "leader") return;
    const learner = raft.membership.learners.find((id) => {
      const member = directory.byId(id);
      return member?.votes === true && member.store !== undefined;
    });
    if (learner === undefined) return;
    const changes = [{ kind: "add-voter", member: learner }] as const;
    raft.proposeMembership(UNANSWERED, { transition: "auto", changes, context: EMPTY_BYTES });
  }

  /** Those who join need a snapshot that knows their leader. */
  #makeSnapshotToSend(): void {
    const { raft, hasSnapshotToSend, takeSnapshot } = this.#parts;
    if (raft.role === "leader" && !hasSnapshotToSend()) takeSnapshot();
  }

  /** A leader whose disk stands still hands over, for as long as that lasts. */
  #leaveStalledDisk(): void {
    const { disk, electionTicks, onSlowDisk } = this.#parts;
    disk.tick();
    if (disk.waitedTicks < electionTicks) return;
    if (disk.waitedTicks === electionTicks) onSlowDisk(disk.waitedTicks);
    this.#handOver();
  }

  /** A leader whose disk is full hands over to one that may have room, once in an election timeout. */
  #leaveFullDisk(): void {
    const { electionTicks, isDiskFull, onDiskFull, onFullDisk } = this.#parts;
    const isFull = isDiskFull();
    if (isFull !== this.#fullTicks > 0) onDiskFull(isFull);
    if (!isFull) {
      this.#fullTicks = 0;
      return;
    }
    if (this.#fullTicks % electionTicks === 0) {
      onFullDisk();
      this.#handOver();
    }
    this.#fullTicks += 1;
  }

  #handOver(): void {
    const { heir } = this;
    if (heir !== null) this.#parts.raft.transferLeadership(heir);
  }
}

/** A request whose outcome nobody waits for: the next tick looks at what there is. */
const UNANSWERED = 0;
