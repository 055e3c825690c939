import fc from "fast-check";
import type { Entry, EntryId } from "../../src/log/entry.ts";
import type { Membership } from "../../src/raft/membership.ts";
import type { Message, SnapshotMessage } from "../../src/raft/message.ts";
import type { Refusal, RefusalReason } from "../../src/raft/refusal.ts";
import type { PeerFrame } from "../../src/transport/codec/peer-frame.ts";

const wide = fc.oneof(fc.nat(1000), fc.maxSafeNat());
const member = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
const bytes = fc.uint8Array({ maxLength: 300 });
const entryId: fc.Arbitrary<EntryId> = fc.record({ index: wide, term: wide });
const entryKind = fc.constantFrom("command" as const, "membership" as const);

const reasons: RefusalReason[] = ["no-leader", "not-leader", "superseded", "failed", "lease", "malformed"];
const refusal: fc.Arbitrary<Refusal> = fc.oneof(
  fc.record({ refused: fc.constantFrom(...reasons) }),
  fc.record({ refused: fc.constantFrom(...reasons), detail: fc.string({ minLength: 1, unit: "grapheme" }) }),
);

const members = fc
  .uniqueArray(member, { maxLength: 6 })
  .map((ids) => [...ids].sort((left, right) => left - right));

const membership: fc.Arbitrary<Membership> = fc
  .record({
    voters: members,
    outgoing: members,
    learners: members,
    learnersNext: members,
    autoLeave: fc.boolean(),
    removed: fc.array(member, { maxLength: 6 }),
  })
  .map((drawn) => ({ ...drawn, learners: drawn.learners.filter((id) => !drawn.voters.includes(id)) }));

const envelope = { from: member, to: member, term: wide };

const append: fc.Arbitrary<Message> = fc
  .record({
    from: member,
    to: member,
    previous: fc.record({ index: fc.nat(2 ** 40), term: fc.nat(100) }),
    steps: fc.array(fc.record({ kind: entryKind, terms: fc.nat(2), data: bytes }), { maxLength: 8 }),
    above: fc.nat(3),
    commit: wide,
  })
  .map(({ from, to, previous, steps, above, commit }) => {
    const entries: Entry[] = [];
    let { index, term } = previous;
    for (const { kind, terms, data } of steps) {
      index += 1;
      term += terms;
      entries.push({ index, term, kind, data });
    }
    return { kind: "append", from, to, term: term + above, previous, entries, commit };
  });

function fields<Kind extends Message["kind"], Fields extends object>(kind: Kind, own: Fields) {
  return fc.record({ kind: fc.constant(kind), ...envelope, ...own }) as unknown as fc.Arbitrary<
    Extract<Message, { kind: Kind }>
  >;
}

export const snapshotMessage: fc.Arbitrary<SnapshotMessage> = fields("snapshot", {
  snapshot: fc.record({ index: wide, term: wide, membership }),
});

/** Any message that a correct member can send. */
export const message: fc.Arbitrary<Message> = fc.oneof(
  append,
  fields("append-accepted", { matched: wide }),
  fields("append-rejected", { rejected: wide, hint: entryId }),
  fields("heartbeat", { commit: wide, readRound: wide }),
  fields("heartbeat-reply", { readRound: wide }),
  fields("vote", { last: entryId, transfer: fc.boolean() }),
  fields("vote-reply", { granted: fc.boolean() }),
  fields("pre-vote", { last: entryId }),
  fields("pre-vote-reply", { granted: fc.boolean() }),
  fields("commit-news", { committed: entryId }),
  snapshotMessage,
  fields("timeout-now", {}),
  fields("quiesce", { last: entryId }),
  fields("transfer-leader", { target: member }),
  fields("propose", {
    request: wide,
    proposals: fc.array(fc.record({ kind: entryKind, data: bytes }), { maxLength: 8 }),
  }),
  fields("propose-reply", { request: wide, result: fc.oneof(entryId, refusal) }),
  fields("read-index", { request: wide }),
  fields("read-index-reply", { request: wide, result: fc.oneof(wide, refusal) }),
);

/** 32 bits. */
const word = fc.integer({ min: 0, max: 0xffff_ffff });

/** Any frame that a correct member can send. */
export const peerFrame: fc.Arbitrary<PeerFrame> = fc.oneof(
  fc.record({
    kind: fc.constant("settings" as const),
    settings: fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 64 }),
  }),
  fc.record({ kind: fc.constant("message" as const), store: wide, agreement: word, message }),
  fc.record({ kind: fc.constant("store-refuse" as const), store: wide }),
  fc.record({
    kind: fc.constant("members" as const),
    from: member,
    store: wide,
    agreement: word,
    index: wide,
    members: bytes,
  }),
  fc.record({
    kind: fc.constant("snapshot-begin" as const),
    transfer: wide,
    agreement: word,
    size: wide,
    message: snapshotMessage,
    context: bytes,
  }),
  fc.record({ kind: fc.constant("snapshot-chunk" as const), transfer: wide, offset: wide, bytes }),
  fc.record({
    kind: fc.constant("snapshot-ack" as const),
    transfer: wide,
    received: wide,
    isComplete: fc.boolean(),
  }),
  fc.record({ kind: fc.constant("snapshot-abort" as const), transfer: wide }),
  fc.record({ kind: fc.constant("snapshot-refuse" as const), transfer: wide }),
);
