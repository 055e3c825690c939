/**
 * How many proposals does the Raft core decide on in a second? One member or three in one process, without disk and
 * network: saves are acknowledged at once, messages passed on as objects or through the codec. Proposals of 256 bytes.
 * Beside etcd's core, in the same shape and in turns, where there is a Go toolchain.
 *
 *     npm run bench -- raft-core [--json] [--rounds=5] [--milliseconds=500]
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Proposal } from "../src/log/entry.ts";
import type { Message } from "../src/raft/message.ts";
import { decodeMessage, encodeMessage } from "../src/transport/codec/message-codec.ts";
import { type Measurement, report } from "./report.ts";
import { buildGoRaft, type GoRaft } from "./support/go-raft.ts";
import { numberOption, progress, textOption } from "./support/options.ts";
import { RaftGroup } from "./support/raft-group.ts";
import { median, spread } from "./support/statistics.ts";

const PAYLOAD = new Uint8Array(256).fill(0x5a);
const BATCHES = [1, 100, 1000];
/** Few enough that no garbage is collected meanwhile, as a rule: the heap's growth then shows what they allocate. */
const ALLOCATING_PROPOSALS = 200;

function rate(group: RaftGroup, batch: readonly Proposal[], milliseconds: number): number {
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
function allocation(group: RaftGroup, batch: readonly Proposal[]): number {
  collectGarbage({ type: "minor" }); // A full collection would throw the optimized code away, too.
  const before = process.memoryUsage();
  let count = 0;
  for (; count < ALLOCATING_PROPOSALS; count += batch.length) group.propose(batch);
  const after = process.memoryUsage();
  return (after.heapUsed - before.heapUsed + after.arrayBuffers - before.arrayBuffers) / count;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as (options: { type: "minor" }) => void;
const rounds = numberOption("rounds", 5);
const milliseconds = numberOption("milliseconds", 500);

interface Way {
  readonly name: string;
  readonly size: number;
  readonly withCodec: boolean;
  readonly pass: (message: Message) => Message;
}

const WAYS: readonly Way[] = [
  { name: "one member", size: 1, withCodec: false, pass: (message) => message },
  { name: "three members, objects", size: 3, withCodec: false, pass: (message) => message },
  {
    name: "three members, codec",
    size: 3,
    withCodec: true,
    pass: (message) => decodeMessage(encodeMessage(message)),
  },
];

/** One process's worth: the rate, and the bytes that are allocated for each proposal. */
interface Run {
  readonly rate: number;
  readonly bytes: number;
}

function measure({ size, pass }: Way, length: number): Run {
  const group = new RaftGroup(size, pass);
  const batch = Array.from({ length }, (): Proposal => ({ kind: "command", data: PAYLOAD }));
  rate(group, batch, 2 * milliseconds); // The first rounds warm up.
  const bytes = Array.from({ length: 5 }, () => allocation(group, batch));
  return { rate: rate(group, batch, milliseconds), bytes: median(bytes) };
}

/** Each run has a process of its own: what the compiler learnt from one case would slow down the next. */
function measureApart(way: number, length: number): Run {
  const file = fileURLToPath(import.meta.url);
  const options = [`--way=${way}`, `--length=${length}`, `--milliseconds=${milliseconds}`];
  const output = execFileSync(process.execPath, [...process.execArgv, file, ...options], {
    encoding: "utf8",
  });
  return JSON.parse(output) as Run;
}

/** Ours and Go's in turns. */
function compare(way: number, length: number, goRaft: GoRaft | null): Measurement[] {
  const { name, size, withCodec } = WAYS[way]!;
  const title = length === 1 ? `${name}, one by one` : `${name}, ${length} at a time`;
  progress(title);
  const runs = Array.from({ length: rounds }, () => ({
    ...measureApart(way, length),
    go: goRaft?.(size, length, withCodec, milliseconds),
  }));
  const rates = runs.map((run) => run.rate);
  const unit = "proposals per second";
  const ours = { name: title, value: median(rates), unit, spread: spread(rates) };
  const bytes = { name: "", value: median(runs.map((run) => run.bytes)), unit: "bytes allocated for each" };
  if (goRaft === null) return [ours, bytes];

  const theirs = runs.map(({ go }) => go!);
  const ratio = { to: "etcd's core", value: median(runs.map((run) => run.rate / run.go!)) };
  return [
    { ...ours, ratio },
    { name: "  etcd's core in Go", value: median(theirs), unit, spread: spread(theirs) },
    bytes,
  ];
}

const way = optionalNumber("way");
if (way === null) {
  const goRaft = buildGoRaft();
  const measurements = WAYS.flatMap((_, at) => BATCHES.flatMap((length) => compare(at, length, goRaft)));
  report("How many proposals does the Raft core decide on in a second?", measurements);
} else {
  console.log(JSON.stringify(measure(WAYS[way]!, numberOption("length", 1))));
}

function optionalNumber(name: string): number | null {
  const text = textOption(name, "");
  return text === "" ? null : Number(text);
}
