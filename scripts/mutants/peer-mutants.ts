import type { Edit, SimulatedMutant } from "./mutant.ts";

const core = (id: string, title: string, ...edits: Edit[]): SimulatedMutant => ({
  id,
  title,
  edits,
  mode: "core",
});
const full = (id: string, title: string, ...edits: Edit[]): SimulatedMutant => ({
  id,
  title,
  edits,
  mode: "full",
});
const edit = (file: string, find: string, replace: string): Edit => ({ file, find, replace });

/** Bugs that other libraries have had, in the form that they would take here, and bugs about outsiders. */
export const PEER_MUTANTS: readonly SimulatedMutant[] = [
  core(
    "vote-expires",
    "term and vote are kept for a while only: after some idle time they are forgotten",
    edit(
      "raft/raft.ts",
      "core.electionElapsed += 1;\n    if (core.electionElapsed >= core.electionTimeout",
      "core.electionElapsed += 1;\n    if (core.electionElapsed % 5 === 0) core.vote = undefined;\n    if (core.electionElapsed >= core.electionTimeout",
    ),
  ),
  core(
    "log-expires",
    "the log is kept for a while only: after some idle time what is not committed is forgotten",
    edit(
      "raft/raft.ts",
      "core.electionElapsed += 1;\n    if (core.electionElapsed >= core.electionTimeout",
      "core.electionElapsed += 1;\n" +
        "    if (core.electionElapsed === 5 && core.log.lastIndex > core.log.committed) {\n" +
        "      const { index, term } = { index: core.log.committed, term: core.log.termAt(core.log.committed) ?? 0 };\n" +
        "      core.log.restore({ index, term });\n    }\n" +
        "    if (core.electionElapsed >= core.electionTimeout",
    ),
  ),
  core(
    "voting-failed-early",
    "a candidate takes its election for lost with answers still out",
    edit(
      "raft/candidate.ts",
      'if (result === "lost") becomeFollower(core, core.term, undefined);',
      'if (result === "lost" || (result === "pending" && candidate.votes.size > 1)) becomeFollower(core, core.term, undefined);',
    ),
  ),
  full(
    "follower-cannot-be-asked",
    "a command that is given to a member which does not lead throws something that nobody expects",
    edit(
      "replica/member.ts",
      "    this.#proposals.add(this.#codec.encode(command), options, settle);",
      "    if (!this.isLeader && this.#raft.leader !== undefined) (undefined as unknown as () => void)();\n" +
        "    this.#proposals.add(this.#codec.encode(command), options, settle);",
    ),
  ),
  full(
    "session-write-again",
    "a client's write that is made again under its number takes effect again",
    edit(
      "kv/machine/session-table.ts",
      'if (kept === undefined) return { kind: number > session.forgotten ? "new" : "forgotten" };',
      'if (kept === undefined || kept.bytes.length > 0) return { kind: "new" };',
    ),
  ),
  full(
    "client-sessions-not-in-snapshot",
    "a snapshot forgets what became of the clients' numbered writes",
    edit("kv/machine/session-table.ts", "this.#add({ ...packed, bytes });", "void bytes;"),
  ),
  {
    ...full(
      "foreign-directory-taken",
      "a member starts on a directory that belongs to another member of its cluster",
      edit(
        "storage/layout/identity.ts",
        'for (const field of ["clusterId", "memberId", "memberName"] as const) {',
        'for (const field of ["clusterId"] as const) {',
      ),
    ),
    faults: "careless",
  },
  {
    ...full(
      "foreign-store-heard",
      "messages are believed by the name of their sender, whatever store they come from",
      edit("replica/members/store-tags.ts", "return known === tag;", "return known !== -1;"),
    ),
    faults: "careless",
  },
];
