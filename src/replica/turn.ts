import type { Clock } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import type { MemberId } from "../log/entry.ts";
import type { Save, SoftState } from "../raft/effects.ts";
import type { Message } from "../raft/message.ts";
import type { Raft } from "../raft/raft.ts";
import type { Storage } from "../storage/storage.ts";
import type { Applier } from "./applier.ts";
import type { Failover } from "./failover.ts";
import type { Proposals } from "./proposals.ts";
import type { Reads } from "./reads.ts";
import type { Snapshotter } from "./snapshotter.ts";

/** Everything that a turn puts in motion. */
export interface TurnParts<Result, Query, Answer> {
  readonly raft: Raft;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly proposals: Proposals<Result>;
  readonly reads: Reads;
  readonly applier: Applier<Result, Query, Answer>;
  readonly snapshotter: Snapshotter<Result, Query, Answer>;
  readonly failover: Failover;
  readonly inboxFramesMax: number;
  send(messages: readonly Message[]): void;
  /** Replaces the machine's state by the newest stored snapshot, which a leader sent. */
  install(save: Save): void;
  onState(state: SoftState): void;
  onFailure(error: QuorateError): void;
}

/**
 * One member's heartbeat. Events only record themselves here and wake the turn; the turn alone moves the core, the
 * disk, the network and the machine, always in the same order. Nothing in it waits: a finished save is an input of a
 * later turn.
 */
export class Turn<Result, Query, Answer> {
  readonly #parts: TurnParts<Result, Query, Answer>;
  #messages: Message[] = [];
  #saves: Save[] = [];
  #silent: MemberId[] = [];
  #ticks = 0;
  #isScheduled = false;
  #isStopped = false;

  constructor(parts: TurnParts<Result, Query, Answer>) {
    this.#parts = parts;
  }

  received(message: Message): void {
    // A full inbox is one more way in which a network loses frames.
    if (this.#messages.length >= this.#parts.inboxFramesMax) return;
    this.#messages.push(message);
    this.wake();
  }

  saved(save: Save): void {
    this.#saves.push(save);
    this.wake();
  }

  ticked(): void {
    this.#ticks += 1;
    this.wake();
  }

  lostConnection(peer: MemberId): void {
    this.#silent.push(peer);
    this.wake();
  }

  /** Lets a turn run soon, once for all that has been recorded until then. */
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
    try {
      this.#run();
    } catch (cause) {
      this.#parts.onFailure(QuorateError.is(cause) ? cause : internalError(cause));
    }
  }

  #run(): void {
    const { raft, storage, applier, proposals, reads, snapshotter } = this.#parts;
    this.#takeInputs();
    const effects = raft.takeEffects();

    this.#parts.send(effects.sendNow); // Appends leave while our own disk still writes.
    if (effects.save !== null) this.#save(storage, effects.save);

    if (effects.apply.length > 0) {
      applier.apply(effects.apply, raft);
      raft.applied(applier.index);
      snapshotter.applied(effects.apply, raft);
    }
    for (const result of effects.proposed) proposals.proposed(result);
    for (const read of effects.reads) reads.confirmed(read);
    reads.release(applier.index);

    if (effects.state !== null) this.#parts.onState(effects.state);
    if (raft.failure !== null) throw internalError(raft.failure);
    if (raft.hasEffects()) this.wake();
  }

  #takeInputs(): void {
    const { raft, proposals, reads, failover } = this.#parts;
    for (const save of take(this.#saves, () => (this.#saves = []))) raft.saved(save);
    for (const message of take(this.#messages, () => (this.#messages = []))) raft.step(message);
    for (const peer of take(this.#silent, () => (this.#silent = []))) failover.lostConnection(peer, raft);
    for (; this.#ticks > 0; this.#ticks--) {
      raft.tick();
      failover.tick(raft);
      proposals.tick();
      reads.tick();
    }
    proposals.flush(raft);
    reads.flush(raft);
  }

  #save(storage: Storage, save: Save): void {
    storage.save(save, (error) => {
      if (error !== null) return this.#parts.onFailure(error);
      if (save.snapshot !== null) this.#parts.install(save);
      this.saved(save);
    });
  }
}

/** The list as it is, after a fresh one was put in its place: what comes meanwhile waits for the next turn. */
function take<Item>(list: readonly Item[], replace: () => void): readonly Item[] {
  if (list.length > 0) replace();
  return list;
}

function internalError(cause: unknown): QuorateError {
  return new QuorateError(
    "ERR_INTERNAL",
    "the member has stopped because of a bug in it",
    {},
    { outcome: "unknown", cause },
  );
}
