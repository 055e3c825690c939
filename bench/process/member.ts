/** A member of a cluster in a process of its own, with the load inside: what an embedded store is. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { serveEtcd } from "../../src/etcd/server.ts";
import type { Watch } from "../../src/kv/watch.ts";
import { open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";
import { answerQuestions } from "../support/child.ts";
import { closedLoop, loadCost, type Sample } from "../support/load.ts";
import { Profiler } from "../support/profiler.ts";
import { until } from "../support/scratch.ts";
import { KEYS, keyAt, scattered, VALUE } from "../support/shape.ts";

export interface MemberSetup {
  readonly dir: string;
  readonly name: string;
  readonly peers: Readonly<Record<string, string>> | undefined;
}

/** What callers do. `mixed` is four gets to a put; a range is of all the keys there are. */
export type Kind = "put" | "get" | "mixed" | "range";

let store: Store<string>;
let calls = 0;
let events = 0;
let watching: Watch<string>[] = [];
let pulses: { stop(): Promise<void>; readonly answeredAt: number[] } | null = null;
const profiler = new Profiler();
const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();

const CALLS: Record<Kind, (at: number) => Promise<unknown>> = {
  put: (at) => store.put(scattered(at), VALUE),
  get: (at) => store.get(scattered(at)),
  mixed: (at) => (at % 5 === 0 ? store.put(scattered(at), VALUE) : store.get(scattered(at))),
  range: async () => {
    const found = await store.range({ gte: keyAt(0), lt: keyAt(KEYS) }).toArray();
    if (found.length !== KEYS) throw new Error(`a range of ${found.length} keys, not ${KEYS}`);
  },
};

const methods = {
  async open({ dir, name, peers }: MemberSetup): Promise<void> {
    const limits = { tickMs: 100, electionTicks: 10 };
    const quotaBytes = Number.POSITIVE_INFINITY;
    const group = peers === undefined ? {} : { name, peers };
    store = await open({ dir, ...group, limits, quotaBytes });
  },

  ready: () => store.ready({ timeoutMs: 60_000 }),

  /** Serves etcd's clients, and gives the port. */
  async serve(): Promise<number> {
    const { urls } = await serveEtcd(store, { listen: { host: "127.0.0.1", port: 0 } });
    return Number(new URL(urls[0]!).port);
  },

  isLeader: () => store.status().role === "leader",

  revision: () => store.status().revision,

  holds: async (key: string) => (await store.get(key)) === VALUE,

  loadCost: (callers: number) => loadCost(callers),

  /** Puts the keys from `begin` to `end`, a thousand at a time. */
  async fill(begin: number, end: number): Promise<void> {
    let next = begin;
    const filler = async (): Promise<void> => {
      while (next < end) await store.put(keyAt(next++), VALUE);
    };
    await Promise.all(Array.from({ length: 1000 }, filler));
  },

  load(kind: Kind, callers: number, milliseconds: number): Promise<Sample> {
    return closedLoop(callers, milliseconds, () => CALLS[kind](calls++));
  },

  /** Lets so many watch every key, in place of those who do so now. Events are counted, and that is all. */
  watch(count: number): void {
    for (const watch of watching) void watch.close();
    watching = Array.from({ length: count }, () => store.watch({ all: true }).on("put", () => events++));
  },

  /** The same, but each watches a key of its own. */
  watchKeys(count: number): void {
    for (const watch of watching) void watch.close();
    watching = Array.from({ length: count }, (_, at) => store.watch(keyAt(at)).on("put", () => events++));
  },

  events: () => events,

  /** Puts every so many milliseconds, answered or not, and remembers when each was answered. */
  pulse(everyMs: number): void {
    const answeredAt: number[] = [];
    let at = 0;
    const waiting = new Set<Promise<void>>();
    const timer = setInterval(() => {
      const answered: Promise<void> = store
        .put(keyAt(at++ % KEYS), VALUE)
        .then(
          () => void answeredAt.push(Date.now()),
          () => {},
        )
        .finally(() => waiting.delete(answered));
      waiting.add(answered);
    }, everyMs);
    pulses = {
      answeredAt,
      async stop() {
        clearInterval(timer);
        await Promise.all(waiting);
      },
    };
  },

  async endPulse(): Promise<number[]> {
    await pulses?.stop();
    return pulses?.answeredAt ?? [];
  },

  /** Takes a snapshot and waits for it. */
  snapshot: () =>
    new Promise<void>((resolve) => {
      store.once("snapshot", () => resolve());
      store.snapshot();
    }),

  /** Gives up all history, and waits until it is gone, which takes long while something reads the past. */
  async compact(): Promise<void> {
    await store.compact(store.status().revision);
    const isDone = async (): Promise<boolean> => store.metrics().compacting === 0;
    await until("compaction", isDone, 60_000).catch(() => {});
  },

  /** The longest that the event loop stood still since it was asked last, in milliseconds. */
  longestStall(): number {
    const longest = delay.max / 1e6;
    delay.reset();
    return longest;
  },

  profile: () => profiler.start(),

  endProfile: () => profiler.stop(),

  close: () => store.close(),
};

export type MemberMethods = typeof methods;

answerQuestions(methods);
