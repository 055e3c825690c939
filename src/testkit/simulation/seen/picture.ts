import { assert } from "../../../base/assert.ts";
import type { Entry, EntryId, Index, MemberId, Term } from "../../../log/entry.ts";
import type { HardState, RoleKind, Save, SnapshotMetadata } from "../../../raft/effects.ts";
import { changeMembership } from "../../../raft/members.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "../../../raft/membership.ts";
import { decodeMembershipChange } from "../../../raft/membership-codec.ts";
import type { Micros } from "../chance/schedule.ts";
import { type ChainBase, ChainLog } from "./chain-log.ts";
import type { MemberEvent, RecoveredState, SimEvent } from "./sim-event.ts";

/** One member, as its deeds show it. */
export class MemberPicture {
  readonly id: MemberId;
  readonly name: string;
  isUp = false;
  start = 0;
  role: RoleKind = "follower";
  term: Term = 0;
  leader: MemberId | undefined = undefined;
  committed: Index = 0;
  applied: Index = 0;
  /** The newest of its snapshots. */
  snapshot: SnapshotMetadata | undefined = undefined;
  /** All that it has handed to its disk. */
  readonly log = new ChainLog();
  /** What would survive a power cut, by the disk's word. */
  readonly durable = new ChainLog();
  hardState: HardState = { term: 0, vote: undefined, commit: 0 };
  /** What the last step took out of its log, if it took any. */
  replaced: { readonly from: Index; readonly last: Index } | undefined = undefined;
  /** Handed to the disk and not reported as durable, oldest first. */
  inFlight: Save[] = [];
  /** What its first directory held when it was lost: the others may still count on it. */
  lost: ChainLog | undefined = undefined;
  /** What its directory held before it was repaired: it gives no vote until it holds that again. */
  givenUp: ChainLog | undefined = undefined;

  constructor(id: MemberId, name: string) {
    this.id = id;
    this.name = name;
  }
}

/** From one index on, these take part. */
export interface MembershipSince {
  readonly index: Index;
  readonly membership: Membership;
}

/**
 * What an observer knows who sees everything: each member's log on its way to the disk and on the disk, and the one
 * sequence of entries that were ever taken for committed. It is made from events alone, and it does not judge.
 */
export class Picture {
  readonly members = new Map<MemberId, MemberPicture>();
  /** All that was ever taken for committed, in order, as the first one to commit it had it. */
  readonly canon = new ChainLog();
  /** For each entry of the canon after its base, the term in which it was seen to be committed. */
  readonly committedIn: Term[] = [];
  /** Who took part since when, by what is committed. */
  readonly memberships: MembershipSince[] = [];
  now: Micros = 0;
  /** The first index that the last `committed` event added to the canon; 0 when it added nothing. */
  newFrom: Index = 0;
  readonly #names = new Map<MemberId, string>();

  member(id: MemberId): MemberPicture {
    let member = this.members.get(id);
    if (member === undefined) {
      member = new MemberPicture(id, this.#names.get(id) ?? `member ${id}`);
      this.members.set(id, member);
    }
    return member;
  }

  /** How far the log was committed in terms before this one. */
  committedBefore(term: Term): Index {
    let count = this.committedIn.length;
    while (count > 0 && this.committedIn[count - 1]! >= term) count -= 1;
    return this.canon.base.index + count;
  }

  nameOf(id: MemberId): string {
    return this.#names.get(id) ?? `member ${id}`;
  }

  /** Who takes part once everything committed is applied. */
  get membership(): Membership {
    return this.memberships.at(-1)?.membership ?? EMPTY_MEMBERSHIP;
  }

  observe(event: SimEvent): void {
    this.now = event.at;
    switch (event.kind) {
      case "founded":
        this.#found(event.snapshot, event.names);
        return;
      case "registered":
        this.#names.set(event.id, event.name);
        return;
      case "action":
      case "calm":
      case "ended":
      case "called":
      case "returned":
        return;
      default:
        this.#observeMember(this.member(event.member), event);
    }
  }

  #found({ index, term, membership }: SnapshotMetadata, names: ReadonlyMap<MemberId, string>): void {
    for (const [id, name] of names) this.#names.set(id, name);
    const base = { index, term, chain: index };
    this.canon.restore(base);
    this.memberships.push({ index, membership });
    for (const id of membership.voters) {
      const { log, durable } = this.member(id);
      log.restore(base);
      durable.restore(base);
    }
  }

  #observeMember(member: MemberPicture, event: MemberEvent): void {
    switch (event.kind) {
      case "started":
        this.#started(member, event.start, event.recovered);
        return;
      case "stopped":
        member.isUp = false;
        member.role = "follower";
        return;
      case "saving":
        this.#saving(member, event.save);
        return;
      case "saved":
        this.#saved(member, event.save);
        return;
      case "snapshot-taken":
        this.#snapshotTaken(member, event.snapshot);
        return;
      case "role":
        member.role = event.role;
        member.term = event.term;
        member.leader = event.leader;
        return;
      case "committed":
        this.#committed(member, event.to, event.term);
        return;
      case "applied":
        member.applied = event.entry.index;
        return;
      case "restored":
        member.applied = event.snapshot.index;
        return;
      case "wiped":
        this.#wiped(member);
        return;
      case "repaired":
        member.givenUp ??= ChainLog.copyOf(member.durable);
        return;
      default:
        return;
    }
  }

  #started(member: MemberPicture, start: number, { hardState, snapshot, entries }: RecoveredState): void {
    member.isUp = true;
    member.start = start;
    member.role = "follower";
    member.term = hardState.term;
    member.leader = undefined;
    member.inFlight = [];
    member.hardState = hardState;
    member.snapshot = snapshot;
    member.committed = snapshot?.index ?? 0;
    member.applied = snapshot?.index ?? 0;
    for (const log of [member.log, member.durable]) fillLog(log, snapshot, entries, this.baseAt(snapshot));
  }

  /** Everything that a snapshot covers was committed, so its place in the canon says what came before it. */
  baseAt(snapshot: EntryId | undefined): ChainBase {
    if (snapshot === undefined) return { index: 0, term: 0, chain: 0 };
    const { index, term } = snapshot;
    return { index, term, chain: this.canon.chainAt(index) ?? 0 };
  }

  #extend(log: ChainLog, { snapshot, entries }: Save): void {
    if (snapshot !== undefined) log.restore(this.baseAt(snapshot));
    log.splice(entries);
  }

  /** A snapshot that goes beyond the log on the disk replaces it, should the member start again now. */
  #snapshotTaken(member: MemberPicture, snapshot: SnapshotMetadata): void {
    member.snapshot = snapshot;
    const base = this.baseAt(snapshot);
    if (member.durable.lastIndex < snapshot.index) member.durable.restore(base);
    // A member that founds a cluster begins with one.
    if (member.log.lastIndex === 0) member.log.restore(base);
  }

  #saving(member: MemberPicture, save: Save): void {
    const { log } = member;
    const first = save.entries[0];
    const isReplacing = save.snapshot === undefined && first !== undefined && first.index <= log.lastIndex;
    member.replaced = isReplacing ? { from: first.index, last: log.lastIndex } : undefined;
    member.inFlight.push(save);
    this.#extend(log, save);
  }

  #saved(member: MemberPicture, save: Save): void {
    const at = member.inFlight.indexOf(save);
    if (at >= 0) member.inFlight.splice(at, 1);
    if (save.hardState !== undefined) member.hardState = save.hardState;
    if (save.snapshot !== undefined) member.snapshot = save.snapshot;
    this.#extend(member.durable, save);
  }

  #committed(member: MemberPicture, to: Index, term: Term): void {
    member.committed = Math.max(member.committed, to);
    this.newFrom = 0;
    const { canon } = this;
    for (let index = canon.lastIndex + 1; index <= to; index++) {
      const entry = member.log.entryAt(index);
      if (entry === undefined) return; // It is covered by a snapshot that nobody was seen to take: an invariant's affair.
      if (this.newFrom === 0) this.newFrom = index;
      canon.push(entry);
      this.committedIn.push(term);
      if (entry.kind === "membership") this.#changeMembership(index, entry.data);
    }
  }

  #changeMembership(index: Index, data: Uint8Array): void {
    const after = changeMembership(this.membership, decodeMembershipChange(data));
    // An impossible change is passed over by all members alike.
    if (typeof after !== "string") this.memberships.push({ index, membership: after });
  }

  #wiped(member: MemberPicture): void {
    assert(!member.isUp, "a running member's directory is not emptied");
    member.lost ??= ChainLog.copyOf(member.durable);
    member.snapshot = undefined;
    member.hardState = { term: 0, vote: undefined, commit: 0 };
    for (const log of [member.log, member.durable]) log.restore({ index: 0, term: 0, chain: 0 });
  }
}

/** The log that a start makes of what it found: entries of another history than the snapshot's are given up (7). */
export function fillLog(
  log: ChainLog,
  snapshot: EntryId | undefined,
  entries: readonly Entry[],
  base: ChainBase,
): void {
  log.restore(base);
  const first = entries[0];
  if (first === undefined) return;
  const covered =
    snapshot === undefined || first.index > base.index ? undefined : entries[base.index - first.index];
  if (first.index > base.index || covered?.term === base.term) log.splice(entries);
}
