import { utf8Bytes } from "../../../src/base/bytes.ts";
import { EMPTY_MEMBERSHIP, isVoter, type MembershipChange } from "../../../src/raft/membership.ts";
import { LEAVE_JOINT } from "../../../src/raft/membership-codec.ts";
import type { RaftOptions } from "../../../src/raft/options.ts";
import type { Refusal } from "../../../src/raft/refusal.ts";
import type { TraceEvent } from "../../../src/raft/trace.ts";
import { type Argument, type Block, parseBoolean } from "./datadriven.ts";
import { logLine } from "./log-lines.ts";
import { ELECTION_TICKS, type Job, Node, type Parcel, peerParcel } from "./node.ts";
import {
  describeEntry,
  describeMessage,
  describeProgress,
  FIRST_FORM,
  parseChanges,
  roleName,
} from "./text.ts";

const LEVELS = ["DEBUG", "INFO", "WARN", "ERROR", "FATAL", "NONE"] as const;
type LevelName = (typeof LEVELS)[number];

/** The nodes of one scenario, the messages between them, and what was printed. */
export class Interaction {
  readonly #nodes: Node[] = [];
  #messages: Parcel[] = [];
  #out = "";
  #level: LevelName = "DEBUG";

  /** Runs one block; returns what it prints. */
  run(block: Block): string {
    this.#out = "";
    try {
      this.#command(block);
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      if (this.#level === "NONE") return error.message;
      this.#out += error.message;
    }
    return this.#out === "" ? "ok" : this.#out;
  }

  #command(block: Block): void {
    const run = COMMANDS[block.command];
    if (run === undefined) throw new Error(`unknown directive ${block.command}`);
    run.call(this, block);
  }

  write(text: string): void {
    if (this.#level !== "NONE") this.#out += text;
  }

  indented(run: () => void): void {
    const before = this.#out;
    this.#out = "";
    try {
      run();
    } finally {
      const lines = this.#out === "" ? [] : this.#out.replace(/\n$/, "").split("\n");
      this.#out = before + lines.map((line) => `  ${line}\n`).join("");
    }
  }

  #trace(id: number, event: TraceEvent): void {
    const line = logLine(id, event);
    if (line === null || LEVELS.indexOf(this.#level) > LEVELS.indexOf(line.level)) return;
    this.write(`${line.level} ${line.text}\n`);
  }

  node(id: string | number): Node {
    const node = this.#nodes[Number(id) - 1];
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  addNodes({ args }: Block): void {
    const { count, isAsync, options, voters, learners, index } = parseNodes(args);
    const isBootstrap = voters.length > 0 || learners.length > 0 || index > 0;
    if (isBootstrap && index <= 1) throw new ScenarioError("index must be specified as > 1 due to bootstrap");
    const snapshot = isBootstrap
      ? { index, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters, learners } }
      : undefined;
    for (let added = 0; added < count; added++) {
      const id = this.#nodes.length + 1;
      const trace = (event: TraceEvent): void => this.#trace(id, event);
      this.#nodes.push(new Node({ id, isAsync, options, snapshot, trace }));
    }
  }

  campaign({ args }: Block): void {
    this.node(idOf(args)).raft.campaign();
  }

  forgetLeader({ args }: Block): void {
    this.node(idOf(args)).raft.forgetLeader();
  }

  propose({ args }: Block): void {
    const data = utf8Bytes(args[1]!.key);
    checkProposal(this.node(idOf(args)).raft.propose(0, [{ kind: "command", data }]));
  }

  proposeChange({ args, input }: Block): void {
    checkProposal(this.node(idOf(args)).raft.proposeMembership(0, parseChange(args, input)));
  }

  compact({ args }: Block): void {
    const node = this.node(idOf(args));
    const index = Number(args[1]!.key);
    scenario(() => node.storage.compact(index));
    node.raft.compactTo(index);
    this.#writeLog(node);
  }

  raftLog({ args }: Block): void {
    this.#writeLog(this.node(idOf(args)));
  }

  #writeLog({ storage }: Node): void {
    const { firstIndex, lastIndex, entries } = storage;
    if (entries.length === 0) this.write(`log is empty: first index=${firstIndex}, last index=${lastIndex}`);
    for (const entry of entries) this.write(`${describeEntry(entry)}\n`);
  }

  raftState(): void {
    for (const { id, raft } of this.#nodes) {
      const voice = isVoter(raft.membership, id) ? "(Voter)" : "(Non-Voter)";
      this.write(`${id}: ${roleName(raft.role)} ${voice} Term:${raft.term} Lead:${raft.leader ?? 0}\n`);
    }
  }

  status({ args }: Block): void {
    for (const peer of this.node(idOf(args)).raft.status().progress) {
      const inflight = { count: peer.inflightMessages, isFull: peer.isWindowFull };
      this.write(`${peer.id}: ${describeProgress({ ...peer, inflight })}\n`);
    }
  }

  tickElection({ args }: Block): void {
    for (let tick = 0; tick < ELECTION_TICKS; tick++) this.node(idOf(args)).raft.tick();
  }

  tickHeartbeat({ args }: Block): void {
    this.node(idOf(args)).raft.tick();
  }

  setElectionTimeout({ args }: Block): void {
    this.node(idOf(args)).raft.overrideElectionTimeout(Number(namedValue(args, "timeout")));
  }

  reportUnreachable({ args }: Block): void {
    this.node(args[0]!.key).raft.reportUnreachable(Number(args[1]!.key));
  }

  transferLeadership({ args }: Block): void {
    this.node(namedValue(args, "from")).raft.transferLeadership(Number(namedValue(args, "to")));
  }

  sendSnapshot({ args }: Block): void {
    const { id: from, raft, newestSnapshot: snapshot } = this.node(args[0]!.key);
    const to = Number(args[1]!.key);
    const parcel = peerParcel({ kind: "snapshot", from, to, term: raft.term, snapshot });
    this.#messages.push(parcel);
    this.write(describeMessage(parcel.print));
  }

  setLogLevel({ args }: Block): void {
    this.#level = parseLevel(args[0]!.key);
  }

  processReadies({ args }: Block): void {
    this.#forEachNode(args, "handling Ready", (node) => this.#processReady(node));
  }

  processAppends({ args }: Block): void {
    this.#forEachNode(args, "processing append thread", (node) => {
      this.#processJob(node, node.appendWork, "no append work to perform");
    });
  }

  processApplies({ args }: Block): void {
    this.#forEachNode(args, "processing apply thread", (node) => {
      this.#processJob(node, node.applyWork, "no apply work to perform");
    });
  }

  #forEachNode(args: readonly Argument[], doing: string, run: (node: Node) => void): void {
    const ids = plainIds(args);
    if (ids.length === 1) {
      run(this.node(ids[0]!));
      return;
    }
    for (const id of ids) {
      this.write(`> ${id} ${doing}\n`);
      this.indented(() => run(this.node(id)));
    }
  }

  #processReady(node: Node): void {
    this.#messages.push(...node.processReady((text) => this.write(text)));
  }

  #processJob(node: Node, jobs: Job[], nothing: string): void {
    const job = jobs.shift();
    if (job === undefined) this.write(nothing);
    else this.#messages.push(...node.processJob(job, (text) => this.write(text)));
  }

  deliverMessages({ args }: Block): void {
    const type = args.find(({ key }) => key === "type")?.values[0];
    const recipients = args.flatMap(({ key, values }) => {
      if (key === "drop") return values.map((id) => ({ id: Number(id), isDropped: true }));
      return key === "type" ? [] : [{ id: Number(key), isDropped: false }];
    });
    let count = 0;
    for (const { id, isDropped } of recipients) count += this.#deliver(id, isDropped, type);
    if (count === 0) this.write("no messages\n");
  }

  #deliver(id: number, isDropped: boolean, type?: string): number {
    const isMeant = (parcel: Parcel): boolean => {
      const isLocal = parcel.from === parcel.to || parcel.from < 0 || parcel.to < 0;
      return parcel.to === id && (type === undefined || parcel.type === type) && !(isDropped && isLocal);
    };
    const meant = this.#messages.filter(isMeant);
    this.#messages = this.#messages.filter((parcel) => !isMeant(parcel));
    for (const parcel of meant) {
      this.write(`${isDropped ? "dropped: " : ""}${describeMessage(parcel.print)}\n`);
      const error = isDropped ? null : parcel.deliver(this.node(id));
      if (error !== null) this.write(`${error}\n`);
    }
    return meant.length;
  }

  stabilize({ args }: Block): void {
    const before = this.#level;
    const level = args.find(({ key }) => key === "log-level")?.values[0];
    if (level !== undefined) this.#level = parseLevel(level);
    const ids = plainIds(args);
    const nodes = ids.length === 0 ? this.#nodes : ids.map((id) => this.node(id));
    while (this.#round(nodes));
    this.#level = before;
  }

  /** One round of all that there is to do; false when there is nothing. */
  #round(nodes: readonly Node[]): boolean {
    let isBusy = false;
    const phase = (doing: string, isDue: (node: Node) => boolean, run: (node: Node) => void): void => {
      for (const node of nodes) {
        if (!isDue(node)) continue;
        isBusy = true;
        this.write(`> ${node.id} ${doing}\n`);
        run(node);
      }
    };
    const isFor = (node: Node): boolean => this.#messages.some(({ to }) => to === node.id);
    const finish = (node: Node, jobs: Job[]): void => {
      while (jobs.length > 0) this.indented(() => this.#processJob(node, jobs, ""));
    };
    phase(
      "handling Ready",
      ({ hasReady }) => hasReady,
      (node) => this.indented(() => this.#processReady(node)),
    );
    phase("receiving messages", isFor, (node) => this.indented(() => this.#deliver(node.id, false)));
    phase(
      "processing append thread",
      (node) => node.appendWork.length > 0,
      (node) => finish(node, node.appendWork),
    );
    phase(
      "processing apply thread",
      (node) => node.applyWork.length > 0,
      (node) => finish(node, node.applyWork),
    );
    return isBusy;
  }
}

const COMMANDS: Record<string, (this: Interaction, block: Block) => void> = {
  "add-nodes": Interaction.prototype.addNodes,
  campaign: Interaction.prototype.campaign,
  "forget-leader": Interaction.prototype.forgetLeader,
  propose: Interaction.prototype.propose,
  "propose-conf-change": Interaction.prototype.proposeChange,
  compact: Interaction.prototype.compact,
  "raft-log": Interaction.prototype.raftLog,
  "raft-state": Interaction.prototype.raftState,
  status: Interaction.prototype.status,
  "tick-election": Interaction.prototype.tickElection,
  "tick-heartbeat": Interaction.prototype.tickHeartbeat,
  "set-randomized-election-timeout": Interaction.prototype.setElectionTimeout,
  "report-unreachable": Interaction.prototype.reportUnreachable,
  "transfer-leadership": Interaction.prototype.transferLeadership,
  "send-snapshot": Interaction.prototype.sendSnapshot,
  "log-level": Interaction.prototype.setLogLevel,
  "process-ready": Interaction.prototype.processReadies,
  "process-append-thread": Interaction.prototype.processAppends,
  "process-apply-thread": Interaction.prototype.processApplies,
  "deliver-msgs": Interaction.prototype.deliverMessages,
  stabilize: Interaction.prototype.stabilize,
};

/** An error that belongs to the expected output. */
class ScenarioError extends Error {}

function scenario(run: () => void): void {
  try {
    run();
  } catch (error) {
    throw new ScenarioError(error instanceof Error ? error.message : String(error));
  }
}

interface NodesToAdd {
  count: number;
  isAsync: boolean;
  options: { -readonly [Name in keyof RaftOptions]?: RaftOptions[Name] };
  voters: number[];
  learners: number[];
  index: number;
}

function parseNodes(args: readonly Argument[]): NodesToAdd {
  const nodes: NodesToAdd = {
    count: Number(args[0]!.key),
    isAsync: false,
    options: {},
    voters: [],
    learners: [],
    index: 0,
  };
  for (const { key, values } of args.slice(1)) for (const value of values) setOption(nodes, key, value);
  return nodes;
}

function setOption(nodes: NodesToAdd, key: string, value: string): void {
  const { options } = nodes;
  switch (key) {
    case "voters":
      nodes.voters.push(Number(value));
      break;
    case "learners":
      nodes.learners.push(Number(value));
      break;
    case "index":
      nodes.index = Number(value);
      break;
    case "inflight":
      options.inflightMessagesMax = Number(value);
      break;
    case "async-storage-writes":
      nodes.isAsync = parseBoolean(value);
      break;
    case "prevote":
      options.preVote = parseBoolean(value);
      break;
    case "checkquorum":
      options.checkQuorum = parseBoolean(value);
      break;
    case "disable-conf-change-validation":
      options.validateChanges = !parseBoolean(value);
      break;
    case "step-down-on-removal":
      options.stepDownOnRemoval = parseBoolean(value);
      break;
    case "max-committed-size-per-ready":
      options.committedBytesMax = Number(value);
      break;
    case "read-only":
      if (value !== "safe" && value !== "lease-based")
        throw new ScenarioError(`invalid read-only option "${value}"`);
      options.leaseReads = value === "lease-based";
      break;
    default:
      throw new Error(`unknown option ${key}`);
  }
}

function parseChange(args: readonly Argument[], input: string): MembershipChange {
  const isFirstForm = parseBoolean(args.find(({ key }) => key === "v1")?.values[0] ?? "false");
  const transition = args.find(({ key }) => key === "transition")?.values[0] ?? "auto";
  if (transition !== "auto" && transition !== "implicit" && transition !== "explicit") {
    throw new ScenarioError(`unknown transition ${transition}`);
  }
  let changes: MembershipChange["changes"] = [];
  scenario(() => {
    changes = parseChanges(input);
  });
  if (isFirstForm && (changes.length > 1 || transition !== "auto")) {
    throw new ScenarioError("v1 conf change can only have one operation and no transition");
  }
  return { transition, changes, context: isFirstForm ? FIRST_FORM : LEAVE_JOINT.context };
}

function checkProposal(refusal: Refusal | undefined): void {
  if (refusal !== undefined) throw new ScenarioError("raft proposal dropped");
}

function parseLevel(name: string): LevelName {
  const level = LEVELS.find((candidate) => candidate === name.toUpperCase());
  if (level === undefined) throw new ScenarioError(`log levels must be either of [${LEVELS.join(" ")}]`);
  return level;
}

function idOf(args: readonly Argument[]): string {
  return args[0]!.key;
}

function namedValue(args: readonly Argument[], name: string): string {
  const value = args.find(({ key }) => key === name)?.values[0];
  if (value === undefined) throw new Error(`${name}= is missing`);
  return value;
}

function plainIds(args: readonly Argument[]): string[] {
  return args.filter(({ values }) => values.length === 0).map(({ key }) => key);
}
