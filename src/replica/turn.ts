import type { Clock } from "../base/clock.ts";
import type { QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";
import type { Save, SoftState } from "../raft/effects.ts";
import type { Message } from "../raft/message.ts";
import type { Raft } from "../raft/raft.ts";
import type { Storage } from "../storage/storage.ts";
import type { Applier } from "./apply/applier.ts";
import { stampTime } from "./apply/envelope.ts";
import type { CommandTime } from "./calls/command-time.ts";
import type { Proposals } from "./calls/proposals.ts";
import type { Reads } from "./calls/reads.ts";
import type { DiskWatch } from "./disk-watch.ts";
import type { Failover } from "./failover.ts";
import { coreFailure } from "./failure.ts";
import type { MembershipChanges } from "./membership/membership-changes.ts";
import type { Installed } from "./snapshots/installation.ts";
import type { Snapshotter } from "./snapshots/snapshotter.ts";

/** Everything that a turn puts in motion. */
export interface TurnParts<Command, Result, Query, Answer> {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly disk: DiskWatch;
  readonly clock: Clock;
  readonly time: CommandTime;
  readonly proposals: Proposals<Result>;
  readonly reads: Reads;
  readonly changes: MembershipChanges;
  readonly applier: Applier<Command, Result, Query, Answer>;
  readonly snapshotter: Snapshotter<Command, Result, Query, Answer>;
  readonly failover: Failover;
  readonly tickMs: number;
  readonly inboxFramesMax: number;
  send(messages: readonly Message[]): void;
  /** Begins to bring the snapshot of a save, which a leader sent, into the machine; calls back later. */
  install(save: Save, done: Installed): void;
  /** Goes on from that snapshot. */
  installed(): void;
  onState(state: SoftState): void;
  /** Runs the turn. What it throws stops the member. */
  enter(turn: () => void): void;
  onFailure(error: QuorateError): void;
}

/** What happened since the last turn. Events only record themselves here. */
class Inbox {
  readonly saves: Save[] = [];
  /** A save whose snapshot the machine shows by now, or why it cannot. */
  installed: { readonly save: Save; readonly error: unknown } | null = null;
  readonly messages: Message[] = [];
  readonly lost: MemberId[] = [];
  hasFound = false;
  hasTicked = false;
}

/**
 * The order of things in one member. The turn alone moves the core, the disk, the network and the machine, always in
 * the same order, once for all that was recorded since the last one. Nothing in it waits: a finished save is an input
 * of a later turn.
 */
export class Turn<Command, Result, Query, Answer> {
  readonly #parts: TurnParts<Command, Result, Query, Answer>;
  #inbox = new Inbox();
  /** While a snapshot is being installed, the saves that were finished after it. */
  #afterInstall: Save[] | null = null;
  readonly #startedAt: number;
  #isScheduled = false;
  #isStopped = false;
  #count = 0;

  constructor(parts: TurnParts<Command, Result, Query, Answer>) {
    this.#parts = parts;
    this.#startedAt = parts.clock.monotonic();
  }

  /** How many turns there were. What is recorded while it stays the same is handled together. */
  get count(): number {
    return this.#count;
  }

  get hasLease(): boolean {
    const { raft } = this.#parts;
    raft.timeIs(this.#ticksBegun());
    return raft.hasLease;
  }

  received(message: Message): void {
    // A full inbox is one more way in which a network loses frames.
    if (this.#inbox.messages.length >= this.#parts.inboxFramesMax) return;
    this.#inbox.messages.push(message);
    this.wake();
  }

  ticked(): void {
    this.#inbox.hasTicked = true;
    this.wake();
  }

  lostConnection(peer: MemberId): void {
    this.#inbox.lost.push(peer);
    this.wake();
  }

  foundConnection(): void {
    this.#inbox.hasFound = true;
    this.wake();
  }

  /** Lets a turn run soon, once for all that is recorded until then. */
  wake(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    this.#parts.clock.soon(() => this.#wakeUp());
  }

  stop(): void {
    this.#isStopped = true;
  }

  #wakeUp(): void {
    this.#isScheduled = false;
    if (this.#isStopped) return;
    this.#count += 1;
    this.#parts.enter(() => this.#run());
  }

  #run(): void {
    const { raft, applier, proposals, changes, reads, snapshotter, time } = this.#parts;
    this.#takeInputs();
    const effects = raft.takeEffects();

    this.#parts.send(effects.sendNow); // Appends leave while our own disk still writes.
    if (effects.save !== undefined) this.#save(effects.save);
    if (effects.apply.length > 0) {
      applier.apply(effects.apply, raft);
      time.agreed(applier.time);
      if (this.#isStopped) return; // The others were found to have come to something else.
      raft.applied(applier.index);
      snapshotter.applied(effects.apply, raft);
    }
    for (const result of effects.proposed) {
      proposals.proposed(result);
      changes.proposed(result);
    }
    for (const read of effects.reads) reads.confirmed(read);
    reads.release(applier.index);

    if (effects.state !== undefined) this.#parts.onState(effects.state);
    if (raft.failure !== undefined) throw coreFailure(raft.failure);
    if (raft.hasEffects()) this.wake();
  }

  /** What was saved comes first: it frees acknowledgements. Time comes last, so that a late turn costs no election. */
  #takeInputs(): void {
    const { raft, failover, proposals, changes, reads } = this.#parts;
    const inbox = this.#inbox;
    this.#inbox = new Inbox();

    raft.timeIs(this.#ticksBegun());
    if (inbox.installed !== null) this.#installed(inbox.installed);
    for (const save of inbox.saves) this.#saved(save);
    for (const message of inbox.messages) this.#step(message);
    for (const peer of inbox.lost) failover.lostConnection(peer, raft);
    if (inbox.hasFound) failover.foundConnection(raft);
    if (inbox.hasTicked) this.#tick();
    proposals.flush(raft);
    changes.flush(raft);
    reads.flush(raft);
  }

  /** What was saved after a snapshot counts only once the machine shows the snapshot. */
  #saved(save: Save): void {
    if (this.#afterInstall !== null) {
      this.#afterInstall.push(save);
    } else if (save.snapshot === undefined) {
      this.#parts.raft.saved(save);
    } else {
      this.#afterInstall = [];
      this.#parts.install(save, (error) => {
        this.#inbox.installed = { save, error };
        this.wake();
      });
    }
  }

  #installed({ save, error }: NonNullable<Inbox["installed"]>): void {
    if (error !== null) throw error;
    const later = this.#afterInstall ?? [];
    this.#afterInstall = null;
    this.#parts.installed();
    this.#parts.raft.saved(save);
    for (const other of later) this.#saved(other);
  }

  #step(message: Message): void {
    const { raft, time } = this.#parts;
    if (message.kind === "propose" && raft.role === "leader") {
      for (const { kind, data } of message.proposals) if (kind === "command") stampTime(data, time.now());
    }
    raft.step(message);
  }

  #ticksBegun(): number {
    const { clock, tickMs } = this.#parts;
    return Math.floor((clock.monotonic() - this.#startedAt) / tickMs);
  }

  /** However long the process was held up, it is one tick: what it missed waits in the inbox, not in the past. */
  #tick(): void {
    const { raft, failover, proposals, changes, reads } = this.#parts;
    raft.tick(this.#ticksBegun());
    failover.tick(raft);
    proposals.tick();
    changes.tick();
    reads.tick();
  }

  #save(save: Save): void {
    const { storage, disk } = this.#parts;
    disk.began();
    storage.save(save, (error) => {
      disk.ended();
      if (error !== null) {
        this.#parts.onFailure(error);
        return;
      }
      this.#inbox.saves.push(save);
      this.wake();
    });
  }
}
