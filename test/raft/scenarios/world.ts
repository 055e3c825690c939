import { assert } from "../../../src/base/assert.ts";
import { Random } from "../../../src/base/random.ts";
import type { Entry, Index, MemberId, Proposal } from "../../../src/log/entry.ts";
import type { Effects, HardState, Save, SnapshotMetadata } from "../../../src/raft/effects.ts";
import { EMPTY_MEMBERSHIP, type Membership, type MembershipChange } from "../../../src/raft/membership.ts";
import { decodeMembershipChange } from "../../../src/raft/membership-codec.ts";
import type { Message } from "../../../src/raft/message.ts";
import type { RaftOptions } from "../../../src/raft/options.ts";
import { Raft } from "../../../src/raft/raft.ts";
import type { Refusal } from "../../../src/raft/refusal.ts";
import type { TraceEvent } from "../../../src/raft/trace.ts";
import { PureDisk } from "../pure-disk.ts";
import {
  tellEntry,
  tellEvent,
  tellId,
  tellMessage,
  tellProposed,
  tellRead,
  tellRefusal,
  tellStatus,
} from "./tell.ts";

/** One member with its disk and its state machine, each of which works at once unless the story makes it slow. */
interface Member {
  readonly id: MemberId;
  readonly options: Partial<RaftOptions>;
  raft: Raft;
  disk: PureDisk;
  isDown: boolean;
  isDiskSlow: boolean;
  isMachineSlow: boolean;
  /** The newest snapshot cannot be read just now. */
  isSnapshotAway: boolean;
  /** Batches that were handed out to be applied. */
  toApply: (readonly Entry[])[];
  applied: Index;
  /** What was told last of its term, vote and commit index. */
  told: HardState;
  hasFailed: boolean;
}

export interface Founding {
  readonly voters: readonly MemberId[];
  readonly learners: readonly MemberId[];
  /** What holds for all, and for one. */
  readonly options: Partial<RaftOptions>;
  readonly optionsOf: ReadonlyMap<MemberId, Partial<RaftOptions>>;
}

/** Which of the messages under way. */
export interface Selection {
  readonly from?: MemberId;
  readonly to?: MemberId;
  readonly kind?: string;
}

/**
 * A group whose network, disks and clocks obey the story, and which tells what every member does: its decisions as they
 * fall, then the effects in the order of a host's turn. A new group begins with a snapshot at `1@1`, as real ones do.
 */
export class World {
  readonly #members = new Map<MemberId, Member>();
  #founding: Founding | null = null;
  #network: Message[] = [];
  /** Pairs of members that do not hear each other, as `from>to`. */
  readonly #cuts = new Set<string>();
  readonly #questions = new Map<number, string>();
  #nextRequest = 1;
  #lines: string[] = [];
  #isSilent = false;
  /** A member is doing what its host or another member asked for. */
  #isAsked = false;

  found(founding: Founding): void {
    assert(this.#founding === null, "one cluster for each story");
    this.#founding = founding;
    const { voters, learners } = founding;
    const membership: Membership = { ...EMPTY_MEMBERSHIP, voters, learners };
    this.silently(() => {
      for (const id of [...voters, ...learners]) this.start(id, { index: 1, term: 1, membership });
    });
  }

  /** Starts a member: one of the founders, or with nothing at all one that will join. */
  start(id: MemberId, snapshot: SnapshotMetadata | undefined = undefined): void {
    assert(this.#founding !== null && !this.#members.has(id), `n${id} is there, or no cluster to join`);
    const disk = new PureDisk(snapshot);
    if (snapshot !== undefined)
      disk.hardState = { term: snapshot.term, vote: undefined, commit: snapshot.index };
    const options = { ...this.#founding.options, ...this.#founding.optionsOf.get(id) };
    this.#members.set(id, {
      id,
      options,
      disk,
      raft: this.#makeRaft(id, options, disk),
      isDown: false,
      isDiskSlow: false,
      isMachineSlow: false,
      isSnapshotAway: false,
      toApply: [],
      applied: snapshot?.index ?? 0,
      told: disk.hardState,
      hasFailed: false,
    });
  }

  takeLines(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  silently(run: () => void): void {
    this.#isSilent = true;
    try {
      run();
    } finally {
      this.#isSilent = false;
    }
  }

  get memberIds(): MemberId[] {
    return [...this.#members.keys()];
  }

  // Requests of the host.

  tick(id: MemberId): void {
    this.#act(id, (raft) => raft.tick());
  }

  campaign(id: MemberId): void {
    this.#ask(id, "to stand", (raft) => raft.campaign());
  }

  propose(id: MemberId, proposals: readonly Proposal[]): void {
    const request = this.#nextRequest++;
    this.#ask(id, `proposal #${request}`, (raft) => raft.propose(request, proposals));
  }

  change(id: MemberId, change: MembershipChange, expected?: Membership): void {
    const request = this.#nextRequest++;
    this.#ask(id, `proposal #${request}`, (raft) => raft.proposeMembership(request, change, expected));
  }

  read(id: MemberId): void {
    const request = this.#nextRequest++;
    this.#ask(id, `read #${request}`, (raft) => raft.read(request));
  }

  transfer(id: MemberId, to: MemberId): void {
    this.#ask(id, `to hand over to n${to}`, (raft) => raft.transferLeadership(to));
  }

  forgetLeader(id: MemberId): void {
    this.#ask(id, "to forget its leader", (raft) => raft.forgetLeader());
  }

  reportUnreachable(id: MemberId, peer: MemberId): void {
    this.#act(id, (raft) => raft.reportUnreachable(peer));
  }

  reportSnapshot(id: MemberId, peer: MemberId, succeeded: boolean): void {
    this.#act(id, (raft) => raft.reportSnapshot(peer, succeeded));
  }

  setElectionTimeout(id: MemberId, ticks: number): void {
    this.#member(id).raft.overrideElectionTimeout(ticks);
  }

  isLeader(id: MemberId): boolean {
    return this.#member(id).raft.role === "leader";
  }

  membership(id: MemberId): Membership {
    return this.#member(id).raft.membership;
  }

  // The network.

  partition(groups: readonly (readonly MemberId[])[]): void {
    this.heal();
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) this.#cuts.add(`${from}>${to}`);
      }
    }
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Delivers the selected messages that are under way now, oldest first; with `again` they stay under way. */
  deliver(selection: Selection, again = false): void {
    const selected = this.#select(selection);
    if (!again) this.#network = this.#network.filter((message) => !selected.includes(message));
    for (const message of selected) this.#receive(message);
  }

  /** Loses the selected messages. */
  drop(selection: Selection): void {
    const selected = this.#select(selection);
    this.#network = this.#network.filter((message) => !selected.includes(message));
    for (const message of selected) this.#tellMessage(message, "⇥");
  }

  /** Delivers everything until nothing is under way. Time stands still, and slow disks and machines do nothing. */
  stabilize(): void {
    for (let steps = 0; this.#network.length > 0; steps++) {
      assert(steps < STEPS_MAX, "the cluster finds no rest");
      this.#receive(this.#network.shift()!);
    }
  }

  // Disks and state machines.

  slowDisk(id: MemberId): void {
    this.#member(id).isDiskSlow = true;
  }

  slowMachine(id: MemberId): void {
    this.#member(id).isMachineSlow = true;
  }

  /** Finishes the oldest save that waits. */
  save(id: MemberId): void {
    const member = this.#member(id);
    const save = member.disk.write();
    assert(save !== undefined, `nothing waits for the disk of n${id}`);
    this.#say(id, `has saved ${tellSave(save)}`);
    this.#act(id, () => this.#saved(member, save));
  }

  /** Applies the oldest batch that waits. */
  apply(id: MemberId): void {
    const member = this.#member(id);
    const batch = member.toApply.shift();
    assert(batch !== undefined, `nothing waits for the machine of n${id}`);
    this.#act(id, () => this.#apply(member, batch));
  }

  /** Disk and machine do what waits, and work at once from now on. */
  speedUp(id: MemberId): void {
    const member = this.#member(id);
    member.isDiskSlow = false;
    member.isMachineSlow = false;
    while (member.disk.waiting.length > 0) this.save(id);
    while (member.toApply.length > 0) this.apply(id);
  }

  /** Cuts the power. Of the saves that wait the first few may have been written all the same. */
  crash(id: MemberId, written: number): void {
    const member = this.#member(id);
    member.disk.cut(written);
    member.toApply = [];
    member.isDown = true;
  }

  restart(id: MemberId): void {
    const member = this.#members.get(id);
    assert(member?.isDown === true, `n${id} is not down`);
    member.isDown = false;
    member.isDiskSlow = false;
    member.isMachineSlow = false;
    member.hasFailed = false;
    member.applied = member.disk.snapshot?.index ?? 0;
    member.told = member.disk.hardState;
    member.raft = this.#makeRaft(id, member.options, member.disk);
    this.#settle(member);
  }

  /** A disk that lies: the entries from `from` on are gone although they were reported as saved. To be done while down. */
  loseEntries(id: MemberId, from: Index): void {
    const { disk, isDown } = this.#members.get(id)!;
    assert(isDown, `n${id} is not down`);
    disk.entries = disk.entries.filter(({ index }) => index < from);
    disk.hardState = { ...disk.hardState, commit: Math.min(disk.hardState.commit, from - 1) };
  }

  /** Makes a snapshot of what is applied, and gives up the log but for the last `keep` entries. */
  snapshot(id: MemberId, keep: number): void {
    const { raft, disk, applied: index } = this.#member(id);
    const term = raft.log.termAt(index);
    assert(term !== undefined, `n${id} has nothing new to make a snapshot of`);
    disk.takeSnapshot({ index, term, membership: raft.membership }, index - keep);
    this.#say(id, `makes snapshot ${tellId({ index, term })}, keeping ${keep} entries before it`);
    this.#act(id, () => raft.compactTo(index - keep));
  }

  setSnapshotAway(id: MemberId, isAway: boolean): void {
    this.#member(id).isSnapshotAway = isAway;
  }

  // Looking.

  tellStatus(id: MemberId): void {
    for (const line of tellStatus(this.#member(id).raft.status())) this.#say(id, line);
  }

  tellLog(id: MemberId): void {
    const { log } = this.#member(id).raft;
    const entries = Array.from({ length: log.lastIndex - log.base.index }, (_, at) => {
      return tellEntry(log.entryAt(log.firstIndex + at));
    });
    this.#say(id, `log after ${tellId(log.base)}: ${entries.join(", ")}`);
  }

  #makeRaft(id: MemberId, options: Partial<RaftOptions>, disk: PureDisk): Raft {
    const trace = (event: TraceEvent): void => this.#onTrace(id, event);
    const latestSnapshot = (): SnapshotMetadata | undefined => {
      return this.#members.get(id)!.isSnapshotAway ? undefined : disk.snapshot;
    };
    // Who stands first by chance is for the story to say.
    const random = new Random(id);
    return new Raft({ ...options, id }, disk.recover(), { random, latestSnapshot, trace });
  }

  #onTrace(id: MemberId, event: TraceEvent): void {
    if (event.kind === "proposal-dropped" && this.#isAsked) return; // The refusal is told to whoever asked.
    const line = tellEvent(event);
    if (line !== null) this.#say(id, line);
  }

  #member(id: MemberId): Member {
    const member = this.#members.get(id);
    assert(member !== undefined && !member.isDown, `n${id} does not run`);
    return member;
  }

  #say(id: MemberId, text: string): void {
    if (this.#isSilent) return;
    // While a member is being made it has no term yet, but for what its disk says.
    const member = this.#members.get(id);
    const term = member === undefined || member.raft === undefined ? 0 : member.raft.term;
    this.#lines.push(`n${id}@${term} ${text}`);
  }

  #ask(id: MemberId, what: string, ask: (raft: Raft) => Refusal | undefined): void {
    this.#act(id, (raft) => {
      this.#isAsked = true;
      const refusal = ask(raft);
      this.#isAsked = false;
      if (refusal !== undefined) this.#say(id, `refuses ${what}: ${tellRefusal(refusal)}`);
    });
  }

  #act(id: MemberId, act: (raft: Raft) => void): void {
    const member = this.#member(id);
    act(member.raft);
    this.#settle(member);
  }

  /** Does what the core wants done, until it wants nothing more. */
  #settle(member: Member): void {
    const { raft } = member;
    for (let turns = 0; raft.hasEffects(); turns++) {
      assert(turns < STEPS_MAX, `n${member.id} finds no rest`);
      this.#perform(member, raft.takeEffects());
    }
    if (raft.failure === undefined || member.hasFailed) return;
    member.hasFailed = true;
    this.#say(member.id, `fails: ${raft.failure.reason}`);
  }

  #perform(member: Member, effects: Effects): void {
    const { id } = member;
    const { state, sendNow, save, apply, reads, proposed } = effects;
    if (state?.role === "follower") {
      this.#say(id, state.leader === undefined ? "follows nobody" : `follows n${state.leader}`);
    }
    if (save !== undefined) this.#tellSave(member, save);
    for (const message of sendNow) this.#send(message);
    if (save !== undefined) this.#keep(member, save);
    if (apply.length > 0) this.#handOut(member, apply);
    for (const { request, result } of reads) this.#say(id, tellRead(request, result));
    for (const { request, result } of proposed) this.#say(id, tellProposed(request, result));
  }

  /** What is in the log now, and agreed; the disk may need a while yet. */
  #tellSave(member: Member, { hardState, entries }: Save): void {
    const { id, raft, told } = member;
    for (const entry of entries) this.#say(id, `append ${tellEntry(entry)}`);
    if (hardState === undefined) return;
    member.told = hardState;
    const { term, vote, commit: index } = hardState;
    if (vote === id && (told.vote !== id || told.term !== term)) this.#say(id, "votes for itself");
    if (index > told.commit) this.#say(id, `commit ${tellId({ index, term: raft.log.termAt(index) ?? 0 })}`);
  }

  #keep(member: Member, save: Save): void {
    member.disk.waiting.push(save);
    if (member.isDiskSlow) return;
    member.disk.write();
    this.#saved(member, save);
  }

  #saved(member: Member, save: Save): void {
    if (save.snapshot !== undefined) member.applied = Math.max(member.applied, save.snapshot.index);
    member.raft.saved(save);
  }

  #handOut(member: Member, batch: readonly Entry[]): void {
    if (member.isMachineSlow) member.toApply.push(batch);
    else this.#apply(member, batch);
  }

  #apply(member: Member, batch: readonly Entry[]): void {
    for (const entry of batch) {
      assert(entry.index === member.applied + 1, `n${member.id} skips to ${entry.index}`);
      this.#say(member.id, `apply ${tellEntry(entry)}`);
      if (entry.kind === "membership") member.raft.applyMembership(decodeMembershipChange(entry.data));
      member.applied = entry.index;
    }
    member.raft.applied(member.applied);
  }

  #send(message: Message): void {
    const { from, to } = message;
    const isLost = this.#cuts.has(`${from}>${to}`) || this.#members.get(to)?.isDown !== false;
    this.#tellMessage(message, isLost ? "⇥" : "→");
    if (!isLost) this.#network.push(message);
  }

  #tellMessage(message: Message, arrow: string): void {
    const { from, to, term } = message;
    const ownTerm = this.#members.get(from)!.raft.term;
    // Forwarded requests belong to no term; a pre-vote asks for one that is not begun; some messages waited for the disk.
    const note = term === 0 || term === ownTerm ? "" : ` (term ${term})`;
    this.#say(
      from,
      `${arrow} n${to} ${tellMessage(message, (question) => this.#questionName(question))}${note}`,
    );
  }

  #questionName(question: number): string {
    const known = this.#questions.get(question);
    if (known !== undefined) return known;
    const name = `question ${this.#questions.size + 1}`;
    this.#questions.set(question, name);
    return name;
  }

  #select({ from, to, kind }: Selection): Message[] {
    const selected = this.#network.filter((message) => {
      return (
        (from === undefined || message.from === from) &&
        (to === undefined || message.to === to) &&
        (kind === undefined || message.kind === kind)
      );
    });
    assert(selected.length > 0, "no such message is under way");
    return selected;
  }

  #receive(message: Message): void {
    if (this.#members.get(message.to)?.isDown !== false) return;
    const isRequest = message.kind === "propose" || message.kind === "read-index";
    this.#act(message.to, (raft) => {
      this.#isAsked = isRequest;
      const refusal = raft.step(message);
      this.#isAsked = false;
      // The answer that is sent tells of a refused request, and a failure is told once.
      if (refusal === undefined || isRequest || refusal.refused === "failed") return;
      this.#say(message.to, `refuses ${message.kind} of n${message.from}: ${tellRefusal(refusal)}`);
    });
  }
}

const STEPS_MAX = 10_000;

function tellSave({ hardState, entries, snapshot }: Save): string {
  const parts: string[] = [];
  if (snapshot !== undefined) parts.push(`snapshot ${tellId(snapshot)}`);
  if (entries.length > 0) parts.push(entries.map(tellId).join(" "));
  if (hardState !== undefined) {
    const { term, vote, commit } = hardState;
    parts.push(`term=${term} vote=${vote === undefined ? "none" : `n${vote}`} commit=${commit}`);
  }
  return parts.length === 0 ? "nothing new" : parts.join(", ");
}
