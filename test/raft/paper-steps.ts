import type { Entry, EntryId, Index, MemberId, Proposal, Term } from "../../src/log/entry.ts";
import { EMPTY_MEMBERSHIP, type MemberChange, type Membership } from "../../src/raft/membership.ts";
import type { Message } from "../../src/raft/message.ts";
import { etcdProfile, type RaftOptions } from "../../src/raft/options.ts";

/** The member under test in most stories. The test plays all others. */
export const ME: MemberId = 1;

export const PROFILES: readonly (readonly [name: string, options: Partial<RaftOptions>])[] = [
  ["with the library's defaults", {}],
  ["with etcd's profile", etcdProfile],
];

type MessageOf<Kind extends Message["kind"]> = Extract<Message, { kind: Kind }>;

/** Those of one kind. */
export function only<Kind extends Message["kind"]>(
  kind: Kind,
  messages: readonly Message[],
): MessageOf<Kind>[] {
  return messages.filter((message): message is MessageOf<Kind> => message.kind === kind);
}

export function to(receiver: MemberId, messages: readonly Message[]): Message[] {
  return messages.filter((message) => message.to === receiver);
}

export function at(index: Index, term: Term): EntryId {
  return { index, term };
}

/** Entries of these terms, behind `after`. */
export function entries(after: Index, ...terms: readonly Term[]): Entry[] {
  return terms.map((term, place) => {
    const index = after + 1 + place;
    return { index, term, ...command(`${index}@${term}`) };
  });
}

export function command(text: string): Proposal {
  return { kind: "command", data: new TextEncoder().encode(text) };
}

export function textsOf(entries: readonly Entry[]): string[] {
  return entries.map(({ data }) => new TextDecoder().decode(data));
}

/** A change of one member. */
export function add(member: MemberId): MemberChange {
  return { kind: "add-voter", member };
}

export function addLearner(member: MemberId): MemberChange {
  return { kind: "add-learner", member };
}

export function remove(member: MemberId): MemberChange {
  return { kind: "remove", member };
}

// What others send to member 1.

export function append(
  from: MemberId,
  term: Term,
  previous: EntryId,
  terms: readonly Term[],
  commit = 0,
): Message {
  return { kind: "append", from, to: ME, term, previous, entries: entries(previous.index, ...terms), commit };
}

export function heartbeat(from: MemberId, term: Term, commit = 0, readRound = 0): Message {
  return { kind: "heartbeat", from, to: ME, term, commit, readRound };
}

export function heartbeatReply(from: MemberId, term: Term, readRound = 0): Message {
  return { kind: "heartbeat-reply", from, to: ME, term, readRound };
}

export function accepted(from: MemberId, term: Term, matched: Index): Message {
  return { kind: "append-accepted", from, to: ME, term, matched };
}

export function rejected(from: MemberId, term: Term, index: Index, hint: EntryId): Message {
  return { kind: "append-rejected", from, to: ME, term, rejected: index, hint };
}

export function vote(from: MemberId, term: Term, last: EntryId, transfer = false): Message {
  return { kind: "vote", from, to: ME, term, last, transfer };
}

export function granted(from: MemberId, term: Term): Message {
  return { kind: "vote-reply", from, to: ME, term, granted: true };
}

export function refused(from: MemberId, term: Term): Message {
  return { kind: "vote-reply", from, to: ME, term, granted: false };
}

export function preVote(from: MemberId, term: Term, last: EntryId): Message {
  return { kind: "pre-vote", from, to: ME, term, last };
}

export function preVoteGranted(from: MemberId, term: Term): Message {
  return { kind: "pre-vote-reply", from, to: ME, term, granted: true };
}

export function preVoteRefused(from: MemberId, term: Term): Message {
  return { kind: "pre-vote-reply", from, to: ME, term, granted: false };
}

export function timeoutNow(from: MemberId, term: Term): Message {
  return { kind: "timeout-now", from, to: ME, term };
}

export function snapshot(
  from: MemberId,
  term: Term,
  id: EntryId,
  membership: Partial<Membership> = {},
): Message {
  const all = { ...EMPTY_MEMBERSHIP, voters: [1, 2, 3], ...membership };
  return { kind: "snapshot", from, to: ME, term, snapshot: { ...id, membership: all } };
}
