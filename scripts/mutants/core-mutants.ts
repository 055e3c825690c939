import type { Edit, SimulatedMutant } from "./mutant.ts";

const core = (id: string, title: string, ...edits: Edit[]): SimulatedMutant => ({
  id,
  title,
  edits,
  mode: "core",
});
const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

const divided = (mutant: SimulatedMutant): SimulatedMutant => ({ ...mutant, faults: "divided" });
const stalled = (mutant: SimulatedMutant): SimulatedMutant => ({ ...mutant, faults: "stalled" });
const reshaped = (mutant: SimulatedMutant): SimulatedMutant => ({ ...mutant, faults: "reshaped" });

/** Bugs of the core and the log. */
export const CORE_MUTANTS: readonly SimulatedMutant[] = [
  core(
    "vote-unsaved",
    "a vote is sent before it is on disk",
    edit(
      "raft/voter.ts",
      "core.outbox.sendSaved({ kind, from: core.id, to: request.from, term, granted });",
      "core.outbox.send({ kind, from: core.id, to: request.from, term, granted });",
    ),
  ),
  divided(
    core(
      "vote-cleared",
      "a candidate that steps down forgets its vote of the same term",
      edit(
        "raft/election.ts",
        "if (core.term !== term) {",
        'if (core.term !== term || (core.role.kind === "candidate" && role.kind === "follower")) {',
      ),
    ),
  ),
  core(
    "vote-cleared-always",
    "becoming a follower clears the vote, also at a start",
    edit(
      "raft/election.ts",
      "if (core.term !== term) {",
      'if (core.term !== term || role.kind === "follower") {',
    ),
  ),
  core(
    "vote-twice",
    "the vote is looked at and set with a gap in between, so that two candidates of a term have it",
    edit(
      "raft/voter.ts",
      "const isFree = core.vote === from || (core.vote === undefined && core.leader === undefined);",
      "const isFree = core.leader === undefined;",
    ),
  ),
  core(
    "vote-not-kept",
    "the vote is not part of what goes to disk",
    edit(
      "raft/hand-out.ts",
      "hardState: isNews ? this.#knownHardState : undefined,",
      "hardState: isNews ? { ...this.#knownHardState, vote: undefined } : undefined,",
    ),
  ),
  core(
    "term-of-last-entry",
    "the term on disk is that of the last entry, not the one that was voted in",
    edit(
      "raft/hand-out.ts",
      "hardState: isNews ? this.#knownHardState : undefined,",
      "hardState: isNews ? { ...this.#knownHardState, term: log.last.term, vote: undefined } : undefined,",
    ),
  ),
  core(
    "vote-any-log",
    "a candidate has the vote whatever its log lacks",
    edit(
      "raft/voter.ts",
      "const granted = isAsked && !core.isRepairing && core.log.isUpToDate(request.last);",
      "const granted = isAsked;",
    ),
  ),
  divided(
    core(
      "up-to-date-by-index",
      "logs are compared by length only",
      edit(
        "log/log.ts",
        "return theirs.term > ourTerm || (theirs.term === ourTerm && theirs.index >= this.lastIndex);",
        "return theirs.index >= this.lastIndex;",
      ),
    ),
  ),
  core(
    "up-to-date-by-both",
    "a log is outdated only if term and index are both behind",
    edit(
      "log/log.ts",
      "return theirs.term > ourTerm || (theirs.term === ourTerm && theirs.index >= this.lastIndex);",
      "return !(ourTerm > theirs.term && this.lastIndex > theirs.index);",
    ),
  ),
  core(
    "half-is-a-quorum",
    "half of the voters suffice, rounded down",
    edit(
      "raft/quorum.ts",
      "return Math.floor(voters / 2) + 1;",
      "return Math.max(1, Math.floor(voters / 2));",
    ),
  ),
  core(
    "half-is-a-quorum-when-even",
    "half of the voters suffice, rounded up: wrong for even numbers",
    edit("raft/quorum.ts", "return Math.floor(voters / 2) + 1;", "return Math.ceil(voters / 2);"),
  ),
  core(
    "one-more-than-a-quorum",
    "one voter more than half is not enough: a member alone never leads",
    edit("raft/quorum.ts", "return Math.floor(voters / 2) + 1;", "return Math.ceil(voters / 2) + 1;"),
  ),
  core(
    "quorum-of-answers",
    "the majority is taken of those who answered",
    edit(
      "raft/quorum.ts",
      "const needed = quorumSize(voters.length);",
      "const needed = quorumSize(voters.length - missing);",
    ),
  ),
  divided(
    core(
      "answers-counted-twice",
      "a repeated answer to a candidate counts again",
      edit(
        "raft/candidate.ts",
        "if (!candidate.votes.has(from)) candidate.votes.set(from, granted);",
        "const other = core.membership.voters.find((voter) => !candidate.votes.has(voter)) ?? from;\n" +
          "  candidate.votes.set(candidate.votes.has(from) ? other : from, granted);",
      ),
    ),
  ),
  core(
    "older-term-committed",
    "entries of older terms are committed by counting",
    edit("raft/replication.ts", "if (core.log.termAt(index) !== core.term) return false;", ""),
  ),
  core(
    "append-truncates",
    "each append cuts the log behind it, though the entries agree",
    edit(
      "raft/follower.ts",
      "const conflict = log.findConflict(entries);",
      "const conflict = entries.length > 0 ? 0 : -1;",
    ),
  ),
  core(
    "previous-term-ignored",
    "an append fits wherever there is an entry at its place",
    edit(
      "raft/follower.ts",
      "else if (log.matches(previous)) takeEntries(core, message);",
      "else if (log.termAt(previous.index) !== undefined) takeEntries(core, message);",
    ),
  ),
  core(
    "commit-to-own-last",
    "a follower commits up to its own last entry, not to the last that it shares with the leader",
    edit(
      "raft/follower.ts",
      "log.commitTo(Math.min(message.commit, lastNew));",
      "log.commitTo(Math.min(message.commit, log.lastIndex));",
    ),
    edit(
      "raft/follower.ts",
      "  if (message.commit > last) {",
      "  if (message.commit > Number.MAX_SAFE_INTEGER) {",
    ),
    edit(
      "raft/follower.ts",
      "core.log.commitTo(message.commit);",
      "core.log.commitTo(Math.min(message.commit, core.log.lastIndex));",
    ),
    edit(
      "raft/replication.ts",
      "const commit = Math.min(progress.matched, core.log.committed);",
      "const commit = core.log.committed;",
    ),
  ),
  core(
    "commit-goes-back",
    "the commit index follows whatever is said last",
    edit(
      "log/log.ts",
      "if (index <= this.#committed) return;\n    assert(index <= this.lastIndex",
      "assert(index <= this.lastIndex",
    ),
  ),
  core(
    "ack-unsaved",
    "a follower acknowledges entries that its disk does not hold yet",
    edit(
      "raft/follower.ts",
      "core.outbox.acknowledge(core.id, leader, core.term, matched);",
      'core.outbox.send({ kind: "append-accepted", from: core.id, to: leader, term: core.term, matched });',
    ),
  ),
  core(
    "leader-counts-itself-unsaved",
    "a leader counts itself before its own disk holds the entry",
    edit(
      "raft/replication.ts",
      "core.outbox.acknowledge(core.id, core.id, term, core.log.lastIndex);",
      "leader.own?.maybeMatch(core.log.lastIndex);\n  if (leader.own !== null) commitByQuorum(core, leader);",
    ),
  ),
  stalled(
    core(
      "replaced-entry-saved",
      "a finished write counts for the entry that took its entry's place meanwhile",
      edit(
        "raft/raft.ts",
        "else if (this.#failure === undefined) this.#core.outbox.send(message);",
        "else if (this.#failure === undefined) {\n" +
          "        const { leader, term } = this.#core;\n" +
          '        const isOf = message.kind === "append-accepted" && leader !== undefined && leader !== this.id;\n' +
          "        this.#core.outbox.send(isOf ? { ...message, to: leader, term } : message);\n      }",
      ),
    ),
  ),
  core(
    "term-and-entries-apart",
    "entries of a new term reach the disk before the term does",
    edit(
      "raft/hand-out.ts",
      "hardState: isNews ? this.#knownHardState : undefined,",
      "hardState: isNews && entries.length === 0 ? this.#knownHardState : undefined,",
    ),
  ),
  core(
    "read-before-own-commit",
    "a new leader answers reads before it has committed anything of its own",
    edit(
      "raft/reads.ts",
      "return role.reads.hasWaiting && !role.reads.isRoundOpen && core.hasCommittedInTerm;",
      "return role.reads.hasWaiting && !role.reads.isRoundOpen;",
    ),
    edit(
      "raft/reads.ts",
      "leader.reads.begin(core.log.committed, core.ticks, core.hasCommittedInTerm)",
      "leader.reads.begin(core.log.committed, core.ticks, true)",
    ),
  ),
  core(
    "read-without-quorum",
    "a leader answers reads without asking whether it still leads",
    edit(
      "raft/reads.ts",
      "if (byLease && hasLease(core, leader)) answer",
      "if (core.hasCommittedInTerm) answer",
    ),
  ),
  {
    ...core(
      "lease-without-end",
      "a leader takes its lease to last for as long as it leads",
      edit(
        "raft/reads.ts",
        "return core.hasCommittedInTerm && core.ticks - leader.leaseTick + 1 <= electionTicks - leaseMarginTicks;",
        "return core.hasCommittedInTerm && electionTicks + leaseMarginTicks > 0;",
      ),
    ),
    mode: "full",
    faults: "divided",
  },
  core(
    "two-changes",
    "a second change of membership is taken while the first waits",
    edit("raft/reconfiguration.ts", "if (pendingChange > applied) {", "if (pendingChange < 0) {"),
  ),
  reshaped(
    core(
      "change-over-inherited",
      "a new leader changes the membership while it has inherited changes that are not applied",
      edit("raft/election.ts", "leader.pendingChange = core.log.lastIndex;", "leader.pendingChange = 0;"),
    ),
  ),
  core(
    "joint-needs-one-half",
    "in a joint configuration the new half alone decides",
    edit(
      "raft/replication.ts",
      "return Math.min(reachedBy(leader, voters, what), reachedBy(leader, outgoing, what));",
      "return reachedBy(leader, voters, what) + 0 * outgoing.length;",
    ),
  ),
  core(
    "snapshot-cuts-log",
    "a snapshot that the log contains throws away what follows it",
    edit(
      "raft/follower.ts",
      "if (log.matches(snapshot)) {",
      "if (log.matches(snapshot) && log.lastIndex === snapshot.index) {",
    ),
  ),
];
