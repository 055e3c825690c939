import type { RemoteStatus } from "../../client/remote-cluster.ts";
import { asJson, clientCommand, expectWords } from "./client-command.ts";
import { columns } from "./columns.ts";

export const status = clientCommand({
  name: "status",
  summary: "Ask every server how it is",
  usage: "status [FLAG …]",
  help: `
Prints a line for each of the endpoints. Ends with 1 when one of them does not answer,
knows no leader, or says that something is wrong.`,
  flags: {},
  async run({ store, words, json, print }) {
    expectWords(words);
    const { endpoints } = store;
    const answers = await store.cluster.status();
    const isWell = answers.every(
      (answer) => !(answer instanceof Error) && answer.leader !== undefined && answer.errors.length === 0,
    );
    if (json)
      print(
        asJson(
          answers.map((answer, at) =>
            answer instanceof Error
              ? failed(endpoints[at]!, answer)
              : { ...answer, leader: answer.leader ?? null },
          ),
        ),
      );
    else print(columns([HEAD, ...answers.map((answer, at) => row(endpoints[at]!, answer))]));
    return isWell ? 0 : 1;
  },
});

const HEAD = [
  "ENDPOINT",
  "MEMBER",
  "VERSION",
  "ROLE",
  "TERM",
  "INDEX",
  "APPLIED",
  "REVISION",
  "BYTES",
  "TROUBLE",
];

function row(endpoint: string, answer: RemoteStatus | Error): string[] {
  if (answer instanceof Error) return [endpoint, ...HEAD.slice(2).map(() => "-"), answer.message];
  const {
    memberId,
    version,
    isLeader,
    isLearner,
    leader,
    term,
    raftIndex,
    appliedIndex,
    revision,
    dbSize,
    errors,
  } = answer;
  const role = isLeader ? "leader" : isLearner ? "learner" : leader === undefined ? "no leader" : "follower";
  const numbers = [term, raftIndex, appliedIndex, revision, dbSize].map(String);
  return [endpoint, memberId, version, role, ...numbers, errors.join("; ")];
}

function failed(endpoint: string, { message }: Error): unknown {
  return { endpoint, error: message };
}
