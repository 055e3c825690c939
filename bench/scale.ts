/**
 * How does cost grow? A lone member in a process of its own with 10,000, 100,000 and a million keys of 256 bytes; then
 * with more and more watchers; then more and more members in one process, and more and more Raft groups. Draws what it
 * found.
 *
 *     npm run bench -- scale [--seconds 3] [--keys 1000000] [--out docs/performance] [--only store,watchers] [--json]
 */
import { join } from "node:path";
import { open } from "../src/open.ts";
import { MemoryNetwork } from "../src/transport/memory-transport.ts";
import { type Measurement, report, rounded } from "./report.ts";
import { isInterrupted } from "./support/interrupt.ts";
import { closedLoop } from "./support/load.ts";
import { choiceOption, numberOption, progress, textOption } from "./support/options.ts";
import { type Line, writePlot } from "./support/plot.ts";
import { QuorateCluster } from "./support/quorate-cluster.ts";
import { RaftGroup } from "./support/raft-group.ts";
import { residentBytes, scratchDirectory } from "./support/scratch.ts";
import { scattered, VALUE } from "./support/shape.ts";

const milliseconds = numberOption("seconds", 3) * 1000;
const keysMax = numberOption("keys", 1_000_000);
const out = textOption("out", "docs/performance");
const MIB = 1024 * 1024;

/** Values by what they depend on, of which some are drawn and all are reported. */
class Growth {
  readonly #what: string;
  readonly #found = new Map<string, { unit: string; points: [number, number][] }>();

  constructor(what: string) {
    this.#what = what;
  }

  add(at: number, name: string, value: number, unit: string): void {
    const found = this.#found.get(name) ?? { unit, points: [] };
    found.points.push([at, value]);
    progress(`  ${name}: ${rounded(value)} ${unit}`);
    this.#found.set(name, found);
  }

  line(name: string): Line {
    return { name, points: this.#found.get(name)?.points ?? [] };
  }

  get measurements(): Measurement[] {
    return [...this.#found].flatMap(([name, { unit, points }]) =>
      points.map(([at, value]) => ({
        name: `${name}, ${at.toLocaleString("en")} ${this.#what}`,
        value,
        unit,
      })),
    );
  }
}

async function store(): Promise<Measurement[]> {
  const growth = new Growth("keys");
  for (const keys of [10_000, 100_000, 1_000_000].filter((each) => each <= keysMax)) {
    if (isInterrupted()) break;
    progress(`a store of ${keys} keys`);
    await storeOf(keys, growth);
  }
  const rates = ["puts", "gets"].map((name) => growth.line(name));
  draw("store", { title: "Rates as the store grows", x: "keys", y: "per second, 100 callers", lines: rates });
  const times = ["restart", "snapshot", "longest stall"].map((name) => growth.line(name));
  draw("store-times", { title: "Times as the store grows", x: "keys", y: "milliseconds", lines: times });
  const memory = [growth.line("memory"), growth.line("memory after restart")];
  draw("store-memory", { title: "Memory as the store grows", x: "keys", y: "MiB", lines: memory });
  return growth.measurements;
}

async function storeOf(keys: number, growth: Growth): Promise<void> {
  const cluster = await QuorateCluster.start(1);
  const add = (name: string, value: number, unit: string): void => growth.add(keys, name, value, unit);
  const timed = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    const begin = performance.now();
    await run();
    add(name, performance.now() - begin, "ms");
  };
  const member = cluster.leader;
  await timed("load", () => member.ask("fill", 0, keys));
  add("memory", residentBytes(member.pid) / MIB, "MiB");
  for (const kind of ["put", "get"] as const) {
    await member.ask("load", kind, 100, milliseconds / 4);
    add(`${kind}s`, (await member.ask("load", kind, 100, milliseconds)).perSecond, "per second, 100 callers");
  }
  add("range of 10,000 keys", (await member.ask("load", "range", 1, milliseconds)).p50, "ms");
  await timed("snapshot", () => member.ask("snapshot"));
  await timed("compaction", () => member.ask("compact"));
  add("longest stall", await member.ask("longestStall"), "ms");
  await cluster.stop("SIGKILL");
  await timed("restart", () => cluster.restart());
  add("memory after restart", residentBytes(cluster.leader.pid) / MIB, "MiB");
  await cluster.stop("SIGKILL");
}

/** Watchers of one key each, whom most puts do not concern, and watchers of everything. */
async function watchers(): Promise<Measurement[]> {
  const growth = new Growth("watchers");
  const cluster = await QuorateCluster.start(1);
  const member = cluster.leader;
  await member.ask("load", "put", 100, milliseconds);
  for (const count of [10, 100, 1_000, 10_000]) {
    if (isInterrupted()) break;
    progress(`${count} watchers`);
    await member.ask("watchKeys", count);
    growth.add(
      count,
      "puts, a key each",
      (await member.ask("load", "put", 100, milliseconds)).perSecond,
      "per second",
    );
    await member.ask("watch", count);
    const before = await member.ask("events");
    const { perSecond } = await member.ask("load", "put", 100, milliseconds);
    const events = ((await member.ask("events")) - before) / (milliseconds / 1000);
    growth.add(count, "puts, all watch everything", perSecond, "per second");
    growth.add(count, "events told", events, "per second");
  }
  await cluster.stop("SIGKILL");
  const puts = ["puts, a key each", "puts, all watch everything"].map((name) => growth.line(name));
  draw("watchers", { title: "Puts as watchers are added", x: "watchers", y: "puts per second", lines: puts });
  const events = [growth.line("events told")];
  draw("watch-events", { title: "Events told", x: "watchers of everything", y: "per second", lines: events });
  return growth.measurements;
}

/** All members in this process, over memory, each on the disk. */
async function members(): Promise<Measurement[]> {
  const growth = new Growth("members");
  for (const count of [1, 3, 5, 7]) {
    if (isInterrupted()) break;
    progress(`${count} members in one process`);
    const network = new MemoryNetwork();
    const names = Array.from({ length: count }, (_, at) => `m${at}`);
    const peers = Object.fromEntries(names.map((name, at) => [name, `127.0.0.1:${at + 1}`]));
    const directory = scratchDirectory();
    const stores = await Promise.all(
      names.map((name) => open({ name, peers, dir: join(directory, name), transport: network.transport() })),
    );
    await Promise.all(stores.map((each) => each.ready()));
    const leader = stores.find((each) => each.status().role === "leader") ?? stores[0]!;
    for (const callers of [1, 100]) {
      const put = (at: number): Promise<unknown> => leader.put(scattered(at), VALUE);
      await closedLoop(callers, milliseconds / 4, put);
      const { perSecond } = await closedLoop(callers, milliseconds, put);
      growth.add(count, `puts, ${callers} caller${callers === 1 ? "" : "s"}`, perSecond, "per second");
    }
    for (const each of stores) await each.close();
  }
  const lines = [growth.line("puts, 1 caller"), growth.line("puts, 100 callers")];
  draw("members", { title: "Puts as members are added", x: "members", y: "puts per second", lines });
  return growth.measurements;
}

/** Cores of three members each, without disk and network: what a process with many groups pays. */
async function groups(): Promise<Measurement[]> {
  const growth = new Growth("groups");
  const proposal = { kind: "command", data: new Uint8Array(256) } as const;
  for (const count of [1, 10, 100, 1_000]) {
    if (isInterrupted()) break;
    progress(`${count} groups`);
    const all = Array.from({ length: count }, () => new RaftGroup(3, (message) => message, 100));
    const perSecond = repeated((at) => all[at % count]!.propose([proposal]));
    growth.add(count, "proposals, all together", perSecond, "per second");
    growth.add(count, "an idle tick of one", 1_000_000 / repeated((at) => all[at % count]!.tick()), "µs");
  }
  const lines = [growth.line("proposals, all together")];
  draw("groups", { title: "Proposals as groups are added", x: "groups", y: "proposals per second", lines });
  return growth.measurements;
}

/** How often in a second. */
function repeated(run: (at: number) => void): number {
  let at = 0;
  const stretch = (length: number): number => {
    const [begin, first] = [performance.now(), at];
    while (performance.now() - begin < length) for (let left = 1_000; left > 0; left--) run(at++);
    return ((at - first) * 1000) / (performance.now() - begin);
  };
  stretch(milliseconds / 4);
  return stretch(milliseconds);
}

/** What was interrupted is not drawn: the plot of an earlier run says more. */
function draw(name: string, plot: Parameters<typeof writePlot>[1]): void {
  if (!isInterrupted()) writePlot(join(out, `${name}.svg`), plot);
}

const PARTS = { store, watchers, members, groups };
const only = choiceOption("only", Object.keys(PARTS));
const measurements: Measurement[] = [];
for (const [name, measure] of Object.entries(PARTS))
  if (only.includes(name) && !isInterrupted()) measurements.push(...(await measure()));
report("How does cost grow?", measurements);
process.exit();
