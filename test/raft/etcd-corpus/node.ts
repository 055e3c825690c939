import { Random } from "../../../src/base/random.ts";
import type { Entry } from "../../../src/log/entry.ts";
import type { HardState, Save, SnapshotMetadata, SoftState } from "../../../src/raft/effects.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../../src/raft/membership.ts";
import { decodeMembershipChange } from "../../../src/raft/membership-codec.ts";
import type { Message } from "../../../src/raft/message.ts";
import { etcdProfile, type RaftOptions } from "../../../src/raft/options.ts";
import { Raft } from "../../../src/raft/raft.ts";
import { SynchronousRaft } from "../../../src/raft/synchronous.ts";
import type { TraceEvent } from "../../../src/raft/trace.ts";
import { StableStorage } from "./stable-storage.ts";
import {
  APPEND_THREAD,
  APPLY_THREAD,
  describeEntry,
  describeHardState,
  describeMessage,
  describeSnapshot,
  type EtcdMessage,
  roleName,
  toEtcd,
} from "./text.ts";

/** What travels in a scenario: a message of the core, or one of the jobs for the node's own two threads. */
export interface Parcel {
  readonly from: number;
  readonly to: number;
  readonly type: string;
  readonly print: EtcdMessage;
  /** What it does when it arrives; the refusal's text, if there is one. */
  deliver(node: Node): string | null;
}

/** Work for one of the two threads, with the answers that become messages once it is done. */
export interface Job {
  readonly print: EtcdMessage;
  readonly save: Save | null;
  readonly entries: readonly Entry[];
  readonly responses: readonly Parcel[];
}

export interface NodeConfig {
  readonly id: number;
  readonly isAsync: boolean;
  readonly options: Partial<RaftOptions>;
  /** Where the node's log begins; null for a node without anything. */
  readonly snapshot: SnapshotMetadata | undefined;
  readonly trace: (event: TraceEvent) => void;
}

export const ELECTION_TICKS = 3;

/** One node of a scenario: the core, and around it a host that does only what the scenario tells it to. */
export class Node {
  readonly id: number;
  readonly isAsync: boolean;
  readonly raft: Raft;
  readonly storage = new StableStorage();
  readonly appendWork: Job[] = [];
  readonly applyWork: Job[] = [];
  readonly history: SnapshotMetadata[];
  readonly #synchronous: SynchronousRaft;
  #state: SoftState = { role: "follower", leader: undefined, term: 0 };
  #hardState: HardState;

  constructor({ id, isAsync, options, snapshot, trace }: NodeConfig) {
    this.id = id;
    this.isAsync = isAsync;
    this.history = [snapshot ?? { index: 0, term: 0, membership: EMPTY_MEMBERSHIP }];
    if (snapshot !== undefined) this.storage.applySnapshot(snapshot);
    const index = snapshot?.index ?? 0;
    this.#hardState = { term: 0, vote: undefined, commit: index };
    this.raft = new Raft(
      {
        ...etcdProfile,
        electionTicks: ELECTION_TICKS,
        heartbeatTicks: 1,
        applyUnsaved: !isAsync,
        ...options,
        id,
      },
      { hardState: { term: 0, vote: undefined, commit: 0 }, snapshot, entries: [], applied: index },
      { random: new Random(id), latestSnapshot: () => this.newestSnapshot, trace },
    );
    this.#synchronous = new SynchronousRaft(this.raft);
  }

  get newestSnapshot(): SnapshotMetadata {
    return this.history[this.history.length - 1]!;
  }

  get hasReady(): boolean {
    return this.raft.hasEffects();
  }

  /** Does what the core wants done, writing what that is; returns the messages that leave. */
  processReady(write: (text: string) => void): Parcel[] {
    return this.isAsync ? this.#processEffects(write) : this.#processReady(write);
  }

  #processReady(write: (text: string) => void): Parcel[] {
    const ready = this.#synchronous.ready();
    const parcels = ready.messages.map(peerParcel);
    const { state, hardState, entries, snapshot, committed } = ready;
    write(this.#describe(state, hardState, entries, snapshot, committed, parcels));
    this.#persist(entries, snapshot);
    this.apply(committed);
    this.#synchronous.advance();
    return parcels;
  }

  #processEffects(write: (text: string) => void): Parcel[] {
    const { sendNow, save, apply, state } = this.raft.takeEffects();
    const parcels = sendNow.map(peerParcel);
    const printed = parcels.map(({ print }) => print);
    if (save !== undefined) {
      const job = this.#appendJob(save);
      this.appendWork.push(job);
      printed.push(job.print);
    }
    if (apply.length > 0) {
      const job = this.#applyJob(apply);
      this.applyWork.push(job);
      printed.push(job.print);
    }
    const all = printed.map((print) => ({ print }));
    write(this.#describe(state, save?.hardState, save?.entries ?? [], save?.snapshot, apply, all));
    return parcels;
  }

  #appendJob(save: Save): Job {
    const responses = save.sendAfter.map(peerParcel);
    if (save.last !== undefined || save.snapshot !== undefined) responses.push(this.#savedParcel(save));
    const { hardState, entries, snapshot } = save;
    const print: EtcdMessage = {
      from: this.id,
      to: APPEND_THREAD,
      type: "MsgStorageAppend",
      term: hardState?.term ?? 0,
      log: { index: 0, term: 0 },
      vote: hardState?.vote ?? 0,
      commit: hardState?.commit ?? 0,
      entries,
      snapshot,
      responses: responses.map((response) => response.print),
    };
    return { print, save, entries, responses };
  }

  #savedParcel(save: Save): Parcel {
    const { last, snapshot, term } = save;
    const log = last ?? { index: 0, term: 0 };
    const head = { from: APPEND_THREAD, to: this.id, type: "MsgStorageAppendResp" };
    return {
      ...head,
      print: { ...head, term, log, snapshot },
      deliver(node) {
        node.raft.savedLog(save);
        return null;
      },
    };
  }

  #applyJob(entries: readonly Entry[]): Job {
    const log = { index: 0, term: 0 };
    const back = { from: APPLY_THREAD, to: this.id, type: "MsgStorageApplyResp" };
    const response: Parcel = {
      ...back,
      print: { ...back, term: 0, log, entries },
      deliver(node) {
        node.raft.applied(entries[entries.length - 1]!.index);
        return null;
      },
    };
    const there = { from: this.id, to: APPLY_THREAD, type: "MsgStorageApply" };
    const print = { ...there, term: 0, log, entries, responses: [response.print] };
    return { print, save: null, entries, responses: [response] };
  }

  /** Does one piece of work of a thread; returns the answers to it. */
  processJob(job: Job, write: (text: string) => void): readonly Parcel[] {
    write(`Processing:\n${describeMessage({ ...job.print, responses: [] })}\n`);
    if (job.save === null) this.apply(job.entries);
    else this.#persist(job.save.entries, job.save.snapshot);
    write("Responses:\n");
    for (const { print } of job.responses) write(`${describeMessage(print)}\n`);
    return job.responses;
  }

  #persist(entries: readonly Entry[], snapshot: SnapshotMetadata | undefined): void {
    if (snapshot !== undefined) this.storage.applySnapshot(snapshot);
    else this.storage.append(entries);
  }

  apply(entries: readonly Entry[]): void {
    for (const { index, term, kind, data } of entries) {
      const membership: Membership =
        kind === "membership"
          ? this.raft.applyMembership(decodeMembershipChange(data))
          : this.newestSnapshot.membership;
      this.history.push({ index, term, membership });
    }
  }

  #describe(
    state: SoftState | undefined,
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: SnapshotMetadata | undefined,
    committed: readonly Entry[],
    messages: readonly { readonly print: EtcdMessage }[],
  ): string {
    // A new term is told by the hard state, not here.
    const isNews =
      state !== undefined && (state.role !== this.#state.role || state.leader !== this.#state.leader);
    if (state !== undefined) this.#state = state;
    const before = this.#hardState;
    if (hardState !== undefined) this.#hardState = hardState;
    const isVote =
      hardState !== undefined && (hardState.term !== before.term || hardState.vote !== before.vote);

    const lines: string[] = [];
    if (isNews) lines.push(`Lead:${state.leader ?? 0} State:${roleName(state.role)}`);
    if (hardState !== undefined) lines.push(`HardState ${describeHardState(hardState)}`);
    if (entries.length > 0) lines.push("Entries:", ...entries.map(describeEntry));
    if (snapshot !== undefined) lines.push(`Snapshot ${describeSnapshot(snapshot)}`);
    if (committed.length > 0) lines.push("CommittedEntries:", ...committed.map(describeEntry));
    if (messages.length > 0) lines.push("Messages:", ...messages.map(({ print }) => describeMessage(print)));
    if (lines.length === 0) return "<empty Ready>";
    return `Ready MustSync=${entries.length > 0 || isVote}:\n${lines.join("\n")}\n`;
  }
}

const PEER_NOT_FOUND = "raft: cannot step as peer not found";
const PROPOSAL_DROPPED = "raft proposal dropped";

/** A message of the core as it travels between nodes, or from a node's append thread back to itself. */
export function peerParcel(message: Message): Parcel {
  const print = toEtcd(message);
  return {
    from: message.from,
    to: message.to,
    type: print.type,
    print,
    deliver(node) {
      const refusal = node.raft.step(message);
      if (refusal === undefined) return null;
      if (message.kind === "propose") return PROPOSAL_DROPPED;
      return refusal.refused === "not-a-member" && message.kind !== "transfer-leader" ? PEER_NOT_FOUND : null;
    },
  };
}
