import type { Edit, TestedMutant } from "./mutant.ts";

const tested = (
  id: string,
  title: string,
  [file, name]: readonly [file: string, name: string],
  ...edits: Edit[]
): TestedMutant => ({ id, title, edits, mode: "test", test: { file, name } });
const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** Bugs in places that no simulation reaches, or that it reaches too rarely: each has one test that must fail with it. */
export const TESTED_MUTANTS: readonly TestedMutant[] = [
  tested(
    "etcd-txn-not-linearized",
    "a transaction of an etcd client that only reads is answered from this member's state as it is",
    ["etcd/linearize.test.ts", "it answers no transaction that only reads"],
    edit("etcd/kv/kv-service.ts", "if (!isSerializable(request)) await front.linearize();", ""),
  ),
  tested(
    "etcd-ttl-not-linearized",
    "LeaseTimeToLive is answered from this member's state as it is",
    ["etcd/linearize.test.ts", "it says of no lease how long it lives, nor which ones there are"],
    edit(
      "etcd/lease/lease-service.ts",
      "await front.linearize();\n    if (keys) client.checkLeaseKeys(id);",
      "if (keys) client.checkLeaseKeys(id);",
    ),
  ),
  tested(
    "joint-read-of-new-half",
    "in a joint configuration a read is confirmed by a majority of the new half alone",
    ["raft/patience.test.ts", "asks both halves of a joint configuration before it reads: the new one alone"],
    edit(
      "raft/replication.ts",
      "return Math.min(reachedBy(leader, voters, what), reachedBy(leader, outgoing, what));",
      'if (what === "readRound") return reachedBy(leader, voters, what);\n' +
        "  return Math.min(reachedBy(leader, voters, what), reachedBy(leader, outgoing, what));",
    ),
  ),
  tested(
    "patience-by-newer-term-only",
    "a member that learned of a newer term in another way votes in it while a leader still has its lease",
    [
      "raft/patience.test.ts",
      "votes for nobody for an election timeout, also once it learnt of a newer term",
    ],
    edit(
      "raft/voter.ts",
      "const isPromised = core.isPatient && !isHandOver(request);",
      "const isPromised = false;",
    ),
  ),
  tested(
    "same-leader-not-sent-again",
    "what was forwarded is not sent again when the same leader is elected in a later term",
    ["replica/resending.test.ts", "what was on its way to a leader is sent again"],
    edit(
      "replica/member.ts",
      "if (state.leader === previous.leader && state.term === previous.term) return;",
      "if (state.leader === previous.leader) return;",
    ),
  ),
  tested(
    "time-goes-back",
    "a command whose time is behind that of the command before it takes time back",
    ["replica/calls/command-time.test.ts", "commands whose times go back"],
    edit(
      "replica/apply/applier.ts",
      "this.#time = Math.max(this.#time, envelope.time);",
      "this.#time = envelope.time;",
    ),
  ),
  tested(
    "time-of-the-follower",
    "a forwarded command keeps the time of the member that proposed it",
    ["replica/calls/command-time.test.ts", "a forwarded command has its leader's time"],
    edit(
      "replica/turn.ts",
      'if (message.kind === "propose" && raft.role === "leader") {',
      'if (message.kind === "propose" && raft.role === "candidate") {',
    ),
  ),
  tested(
    "forgotten-numbers-not-in-snapshot",
    "a snapshot forgets up to which number a client session has forgotten its answers: an old number applies twice",
    ["kv/session.test.ts", "a number that a session has forgotten stays forgotten across a snapshot"],
    edit("kv/machine/snapshot-chunks.ts", "writer.u64(forgotten);", "writer.u64(forgotten * 0);"),
  ),
  tested(
    "proclaim-without-claim",
    "a leader proclaims without looking whether the key is still its own",
    ["coordination/key-lifetime.test.ts", "a leader whose key was deleted proclaims nothing"],
    edit(
      "coordination/hold.ts",
      ".when((key) => key(this.key).createRevision.eq(this.fence))\n      .do((op) => [op.put(this.key, value, { lease })])",
      ".do((op) => [op.put(this.key, value, { lease })])",
    ),
  ),
  tested(
    "new-life-taken-for-the-old",
    "after a compaction a key that was deleted and created again passes for the one that it was",
    [
      "coordination/key-lifetime.test.ts",
      "a key that was deleted and made again in what was compacted since",
    ],
    edit(
      "coordination/key-lifetime.ts",
      "if (found?.createRevision !== createRevision) return;",
      "if (found === undefined) return;",
    ),
  ),
  tested(
    "hard-state-copied-late",
    "the second copy of the hard state may be a second behind",
    ["storage/witnesses.test.ts", "says within 50 ms what is durable, however busy the WAL is"],
    edit(
      "storage/wal/wal.ts",
      "clock.after(this.#parts.stateCopyMs,",
      "clock.after(20 * this.#parts.stateCopyMs,",
    ),
  ),
];
