import { assert } from "../../src/base/assert.ts";
import { EMPTY_BYTES } from "../../src/base/bytes.ts";
import { Random } from "../../src/base/random.ts";
import type { Entry, EntryId, Index, MemberId, Proposal, Term } from "../../src/log/entry.ts";
import type { ProposeResult, ReadReady, Save, SnapshotMetadata } from "../../src/raft/effects.ts";
import {
  EMPTY_MEMBERSHIP,
  type MemberChange,
  type Membership,
  type MembershipChange,
  voterIds,
} from "../../src/raft/membership.ts";
import { decodeMembershipChange } from "../../src/raft/membership-codec.ts";
import type { Message } from "../../src/raft/message.ts";
import type { RaftOptions } from "../../src/raft/options.ts";
import { Raft, type RaftState } from "../../src/raft/raft.ts";
import type { Refusal } from "../../src/raft/refusal.ts";
import type { PeerStatus } from "../../src/raft/status.ts";
import { accepted, command, entries, granted, ME, preVoteGranted } from "./paper-steps.ts";

/** What a member starts with. Not set: member 1 of the voters 1, 2 and 3, whose log holds the founding entry 1@1. */
export interface Start {
  readonly id?: MemberId;
  readonly voters?: readonly MemberId[];
  readonly learners?: readonly MemberId[];
  readonly membership?: Partial<Membership>;
  /** The terms of the entries, from index 1 on. The first is 1. */
  readonly log?: readonly Term[];
  readonly term?: Term;
  readonly vote?: MemberId | undefined;
  readonly commit?: Index;
  readonly applied?: Index;
  /** What the disk holds, instead of all of the above. */
  readonly state?: RaftState;
  readonly options?: Partial<RaftOptions>;
  readonly seed?: number;
  /** Saves wait for `finishSave`. */
  readonly slowDisk?: boolean;
  /** What is handed out to be applied waits for `finishApply`. */
  readonly slowMachine?: boolean;
  /** Something impossible is about to happen. Otherwise a step after which the core has failed throws. */
  readonly mayFail?: boolean;
}

/**
 * One real core and a host that does at once what the core wants done. Each step returns the messages that the core
 * has sent because of it, so that a test reads as question and answer.
 */
export class OneMember {
  readonly id: MemberId;
  readonly raft: Raft;
  /** Handed over to the disk and not yet written, oldest first. */
  readonly waiting: Save[] = [];
  /** Everything that was handed to the disk. */
  readonly saves: Save[] = [];
  readonly applied: Entry[] = [];
  readonly reads: ReadReady[] = [];
  readonly proposed: ProposeResult[] = [];
  /** The newest snapshot that could be sent. */
  snapshot: SnapshotMetadata | undefined;
  readonly #began: RaftState;
  readonly #slowDisk: boolean;
  readonly #slowMachine: boolean;
  readonly #mayFail: boolean;
  #sent: Message[] = [];
  #nextRequest = 1;

  constructor(start: Start = {}) {
    const { seed = 1, options = {}, slowDisk = false, slowMachine = false, mayFail = false } = start;
    this.id = start.id ?? ME;
    this.#slowDisk = slowDisk;
    this.#slowMachine = slowMachine;
    this.#mayFail = mayFail;
    const state = start.state ?? stateOf(start);
    this.#began = state;
    this.snapshot = state.snapshot;
    this.raft = new Raft({ ...options, id: this.id }, state, {
      random: new Random(seed),
      latestSnapshot: () => this.snapshot,
    });
  }

  /** The terms of the log, from its first entry on. */
  get terms(): Term[] {
    const { log } = this.raft;
    return Array.from(
      { length: log.lastIndex - log.base.index },
      (_, at) => log.termAt(log.firstIndex + at)!,
    );
  }

  get last(): EntryId {
    return this.raft.log.last;
  }

  /** What this leader knows of a member. */
  peer(id: MemberId): PeerStatus {
    const peer = this.raft.status().progress.find((progress) => progress.id === id);
    assert(peer !== undefined, `there is no member ${id}`);
    return peer;
  }

  hear(...messages: readonly Message[]): Message[] {
    return this.#act(() => {
      for (const message of messages) this.raft.step(message);
    });
  }

  /** Why a message is refused; null when it is not. */
  refusalOf(message: Message): Refusal | undefined {
    let refusal: Refusal | undefined;
    this.#act(() => {
      refusal = this.raft.step(message);
    });
    return refusal;
  }

  tick(count = 1): Message[] {
    return this.#each(count, () => this.raft.tick());
  }

  /** Lets time pass until this member stands for election. */
  timeOut(): Message[] {
    const { electionTimeout, electionElapsed } = this.raft.status();
    return this.tick(Math.max(electionTimeout - electionElapsed, 1));
  }

  campaign(): Message[] {
    return this.#act(() => {
      this.raft.campaign();
    });
  }

  /** Stands for election, whatever it takes to be a candidate in a new term: the questions it asks then. */
  stand(): Message[] {
    let asked = this.timeOut();
    if (this.raft.role === "pre-candidate") {
      const term = this.raft.term + 1;
      const others = voterIds(this.raft.membership).filter((id) => id !== this.id);
      asked = others.flatMap((id) => this.hear({ ...preVoteGranted(id, term), to: this.id }));
    }
    assert(this.raft.role === "candidate" || this.raft.role === "leader", "nobody keeps it from standing");
    return asked;
  }

  /** Is elected by all voters: what it sends as a new leader. */
  lead(): Message[] {
    let sent = this.stand();
    for (const voter of voterIds(this.raft.membership)) {
      if (this.raft.role === "candidate" && voter !== this.id)
        sent = this.hear({ ...granted(voter, this.raft.term), to: this.id });
    }
    assert(this.raft.role === "leader", "with all votes it leads");
    return sent;
  }

  propose(...texts: readonly string[]): Message[] {
    return this.#act(() => {
      this.raft.propose(this.#nextRequest++, texts.map(command));
    });
  }

  /** Why a proposal is refused; null when it is taken. */
  refusalOfProposal(proposal: Proposal = command("x")): Refusal | undefined {
    let refusal: Refusal | undefined;
    this.#act(() => {
      refusal = this.raft.propose(this.#nextRequest++, [proposal]);
    });
    return refusal;
  }

  /** Asks for a change of membership; says why it is refused. */
  change(
    changes: readonly MemberChange[],
    transition: MembershipChange["transition"] = "auto",
    expected?: Membership,
  ): Refusal | undefined {
    let refusal: Refusal | undefined;
    this.#act(() => {
      const change = { transition, changes, context: EMPTY_BYTES };
      refusal = this.raft.proposeMembership(this.#nextRequest++, change, expected);
    });
    return refusal;
  }

  read(request: number): Message[] {
    return this.#act(() => {
      const refusal = this.raft.read(request);
      if (refusal !== undefined) this.reads.push({ request, result: refusal });
    });
  }

  transfer(to: MemberId): Message[] {
    return this.#act(() => {
      this.raft.transferLeadership(to);
    });
  }

  /** Does something else to the core. */
  does(act: (raft: Raft) => void): Message[] {
    return this.#act(() => act(this.raft));
  }

  /** Everyone else acknowledges all that this leader has. */
  hearAllAccept(): Message[] {
    const { progress } = this.raft.status();
    const others = progress.filter(({ id }) => id !== this.id);
    return this.hear(...others.map(({ id }) => accepted(id, this.raft.term, this.last.index)));
  }

  /** The disk has written the oldest save. */
  finishSave(): Message[] {
    return this.#act(() => {
      const save = this.waiting.shift();
      assert(save !== undefined, "no save waits");
      this.raft.saved(save);
    });
  }

  finishAllSaves(): Message[] {
    const sent: Message[] = [];
    while (this.waiting.length > 0) sent.push(...this.finishSave());
    return sent;
  }

  /** The state machine has done what it was given. */
  finishApply(): Message[] {
    return this.#act(() => this.#finishApply(this.applied));
  }

  /** Makes a snapshot of all that is applied and compacts the log up to it. */
  compact(): void {
    const { log, membership } = this.raft;
    const { applied: index } = log;
    this.snapshot = { index, term: log.termAt(index)!, membership };
    this.raft.compactTo(index);
  }

  /** The same member after a power cut: it knows what was saved. */
  restarted(start: Start = {}): OneMember {
    const state = this.saves
      .filter((save) => !this.waiting.includes(save))
      .reduce((before, save) => afterSave(before, save), this.#began);
    return new OneMember({ id: this.id, ...start, state });
  }

  #each(count: number, act: () => void): Message[] {
    const sent: Message[] = [];
    for (let at = 0; at < count; at++) sent.push(...this.#act(act));
    return sent;
  }

  #act(act: () => void): Message[] {
    act();
    while (this.raft.hasEffects()) this.#perform();
    const { failure } = this.raft;
    assert(failure === undefined || this.#mayFail, () => `the core has failed: ${failure?.reason}`);
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  #perform(): void {
    const { sendNow, save, apply, reads, proposed } = this.raft.takeEffects();
    this.#sent.push(...sendNow);
    if (save !== undefined) this.#keep(save);
    this.applied.push(...apply);
    this.reads.push(...reads);
    this.proposed.push(...proposed);
    if (!this.#slowMachine) this.#finishApply(apply);
  }

  #keep(save: Save): void {
    this.saves.push(save);
    if (this.#slowDisk) this.waiting.push(save);
    else this.raft.saved(save);
  }

  #finishApply(entries: readonly Entry[]): void {
    for (const { kind, data, index } of entries) {
      if (index <= this.raft.log.applied) continue;
      if (kind === "membership") this.raft.applyMembership(decodeMembershipChange(data));
      this.raft.applied(index);
    }
  }
}

function stateOf(start: Start): RaftState {
  const { voters = [1, 2, 3], learners = [], log = [1], vote, commit = 1, applied = 1 } = start;
  const { term = log[log.length - 1]! } = start;
  const membership: Membership = { ...EMPTY_MEMBERSHIP, voters, learners, ...start.membership };
  const snapshot = { index: 1, term: 1, membership };
  return { hardState: { term, vote, commit }, snapshot, entries: entries(0, ...log), applied };
}

/** What a disk holds once it has written a save. */
function afterSave(state: RaftState, save: Save): RaftState {
  const { hardState, snapshot, entries } = save;
  const kept = snapshot === undefined ? state.entries : [];
  const first = entries[0]?.index ?? Number.POSITIVE_INFINITY;
  return {
    hardState: hardState ?? state.hardState,
    snapshot: snapshot ?? state.snapshot,
    entries: [...kept.filter(({ index }) => index < first), ...entries],
    applied: snapshot?.index ?? state.applied,
  };
}

/** A member that leads in the term after its log's last, whose first entry is committed and applied by all. */
export function leader(start: Start = {}): OneMember {
  const member = new OneMember(start);
  member.lead();
  member.hearAllAccept();
  return member;
}

/** Passes messages between members until all is said. Members that are not named hear nothing. */
export function converse(first: readonly Message[], ...members: readonly OneMember[]): void {
  const under = [...first];
  for (let count = 0; under.length > 0; count++) {
    assert(count < 10_000, "they find no end");
    const message = under.shift()!;
    const receiver = members.find(({ id }) => id === message.to);
    if (receiver !== undefined) under.push(...receiver.hear(message));
  }
}
