/**
 * How many proposals does the Raft core decide on in a second? One member or three in one process, without disk and
 * network: saves are acknowledged at once, messages passed on as objects or through the codec. Proposals of 256 bytes.
 *
 *     npm run bench -- raft-core [--json] [--rounds=7] [--milliseconds=500]
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Random } from "../src/base/random.ts";
import type { MemberId, Proposal } from "../src/log/entry.ts";
import { EMPTY_MEMBERSHIP } from "../src/raft/membership.ts";
import type { Message } from "../src/raft/message.ts";
import { Raft } from "../src/raft/raft.ts";
import { decodeMessage, encodeMessage } from "../src/transport/message-codec.ts";
import { type Measurement, report } from "./report.ts";

const PAYLOAD = new Uint8Array(256).fill(0x5a);
const BATCHES = [1, 100, 1000];
/** A log is cut to so many entries when it has twice as many. */
const LOG_ENTRIES = 10_000;
/** Few enough that no garbage is collected meanwhile, as a rule: the heap's growth then shows what they allocate. */
const ALLOCATING_PROPOSALS = 200;

interface Member {
  readonly raft: Raft;
  readonly inbox: Message[];
}

/** Members that live in turns, as in a replica: take all messages, then do what the core wants. */
class Group {
  readonly #members: Member[];
  readonly #pass: (message: Message) => Message;
  #request = 1;

  constructor(size: number, pass: (message: Message) => Message) {
    this.#pass = pass;
    const voters = Array.from({ length: size }, (_, at) => at + 1);
    const snapshot = { index: 1, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters } };
    const hardState = { term: 1, vote: null, commit: 1 };
    this.#members = voters.map((id: MemberId) => {
      const environment = { random: new Random(id), latestSnapshot: () => null };
      return {
        raft: new Raft({ id }, { hardState, snapshot, entries: [], applied: 1 }, environment),
        inbox: [],
      };
    });
    this.#leader.raft.campaign();
    while (this.#leader.raft.log.applied < 2) this.#turns();
  }

  get #leader(): Member {
    return this.#members[0]!;
  }

  /** Proposes side by side and waits until the leader has applied them. The followers hear of it with the next ones. */
  propose(proposals: readonly Proposal[]): void {
    const { raft } = this.#leader;
    const refusal = raft.propose(this.#request++, proposals);
    if (refusal !== null) throw new Error(`refused: ${refusal.refused}`);
    const end = raft.log.lastIndex;
    while (raft.log.applied < end) this.#turns();
    if (raft.log.lastIndex - raft.log.base.index > 2 * LOG_ENTRIES) this.#compact();
  }

  #turns(): void {
    for (const member of this.#members) {
      const { raft, inbox } = member;
      for (let at = 0; at < inbox.length; at++) raft.step(this.#pass(inbox[at]!));
      inbox.length = 0;
      while (raft.hasEffects()) this.#perform(raft);
    }
  }

  #perform(raft: Raft): void {
    const { sendNow, save, apply } = raft.takeEffects();
    for (const message of sendNow) this.#members[message.to - 1]!.inbox.push(message);
    if (save !== null) raft.saved(save);
    if (apply.length > 0) raft.applied(apply[apply.length - 1]!.index);
  }

  #compact(): void {
    for (const { raft } of this.#members) raft.compactTo(raft.log.applied - LOG_ENTRIES);
  }
}

function rate(group: Group, batch: readonly Proposal[], milliseconds: number): number {
  const begin = performance.now();
  let count = 0;
  // The clock is read for some thousand proposals at a time: reading it costs more than one of them.
  while (performance.now() - begin < milliseconds) {
    for (let done = 0; done < 2000; done += batch.length) {
      group.propose(batch);
      count += batch.length;
    }
  }
  return (count * 1000) / (performance.now() - begin);
}

/** Bytes allocated for one proposal, on the heap and in array buffers. */
function allocation(group: Group, batch: readonly Proposal[]): number {
  collectGarbage({ type: "minor" }); // A full collection would throw the optimized code away, too.
  const before = process.memoryUsage();
  let count = 0;
  for (; count < ALLOCATING_PROPOSALS; count += batch.length) group.propose(batch);
  const after = process.memoryUsage();
  return (after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / count;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)]!;
}

function option(name: string, otherwise: number): number {
  const text = process.argv.find((argument) => argument.startsWith(`--${name}=`));
  return text === undefined ? otherwise : Number(text.split("=")[1]);
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as (options: { type: "minor" }) => void;
const rounds = option("rounds", 7);
const milliseconds = option("milliseconds", 500);

interface Way {
  readonly name: string;
  readonly size: number;
  readonly pass: (message: Message) => Message;
}

const WAYS: readonly Way[] = [
  { name: "one member", size: 1, pass: (message) => message },
  { name: "three members, objects", size: 3, pass: (message) => message },
  { name: "three members, codec", size: 3, pass: (message) => decodeMessage(encodeMessage(message)) },
];

function measure({ name, size, pass }: Way, length: number): Measurement[] {
  const group = new Group(size, pass);
  const batch = Array.from({ length }, (): Proposal => ({ kind: "command", data: PAYLOAD }));
  rate(group, batch, 2 * milliseconds); // The first rounds warm up.
  const rates = Array.from({ length: rounds }, () => rate(group, batch, milliseconds));
  const bytes = Array.from({ length: 2 * rounds + 1 }, () => allocation(group, batch));
  return [
    {
      name: length === 1 ? `${name}, one by one` : `${name}, ${length} at a time`,
      value: median(rates),
      unit: "proposals per second",
      spread: [Math.min(...rates), Math.max(...rates)],
    },
    { name: "", value: median(bytes), unit: "bytes allocated for each" },
  ];
}

/** Each case has a process of its own: what the compiler learnt from one would slow down the next. */
function measureApart(way: number, length: number): Measurement[] {
  const file = fileURLToPath(import.meta.url);
  const options = [
    `--way=${way}`,
    `--length=${length}`,
    `--rounds=${rounds}`,
    `--milliseconds=${milliseconds}`,
  ];
  const output = execFileSync(process.execPath, [...process.execArgv, file, ...options], {
    encoding: "utf8",
  });
  return JSON.parse(output) as Measurement[];
}

const way = option("way", -1);
if (way === -1) {
  const measurements = WAYS.flatMap((_, at) => BATCHES.flatMap((length) => measureApart(at, length)));
  report("How many proposals does the Raft core decide on in a second?", measurements);
} else {
  console.log(JSON.stringify(measure(WAYS[way]!, option("length", 1))));
}
