import { Random } from "../../../src/base/random.ts";
import { WatchCreateRequest, WatchRequest } from "../../../src/wire/watch-messages.ts";
import { startEtcd } from "../support/real-etcd.ts";
import { type Outcome, RpcClient } from "../support/rpc-client.ts";
import { serveStore } from "../support/served-store.ts";
import { callByJson } from "./by-json.ts";
import { normal } from "./normal.ts";
import { type Call, call, Operations } from "./operations.ts";
import { WatchRecord } from "./watches.ts";

export interface Mismatch {
  readonly at: number;
  readonly call: string;
  readonly theirs: string;
  readonly ours: string;
}

export interface Comparison {
  readonly operations: number;
  readonly mismatches: readonly Mismatch[];
}

/** Beyond so many differences they are one and the same. */
const MISMATCHES_MAX = 20;

/** The share of calls that go as JSON over HTTP. */
const JSON_SHARE = 0.1;
/** How often watches are compared, in calls. */
const SETTLE_EVERY = 50;

/** Makes the same calls of a real etcd and of ours, and compares every answer, and everything that watches are told. */
export async function compare(operations: number, seed: number): Promise<Comparison> {
  const real = await startEtcd();
  const own = await serveStore({}, { historyRevisions: Number.POSITIVE_INFINITY });
  const run = new Run(real.endpoint, own.endpoint, new Random(seed));
  try {
    await run.go(operations);
    return { operations: run.made, mismatches: run.mismatches };
  } finally {
    run.close();
    await own.stop();
    await real.stop();
  }
}

class Run {
  made = 0;
  readonly mismatches: Mismatch[] = [];
  readonly #endpoints: readonly string[];
  readonly #clients: readonly RpcClient[];
  readonly #watches: readonly WatchRecord[];
  readonly #random: Random;
  readonly #operations: Operations;
  readonly #watchIds = new Set<number>();
  #hasNewWatch = false;

  constructor(theirs: string, ours: string, random: Random) {
    this.#endpoints = [theirs, ours];
    this.#clients = this.#endpoints.map((endpoint) => new RpcClient(endpoint));
    this.#watches = this.#clients.map((client) => new WatchRecord(client));
    this.#random = random;
    this.#operations = new Operations(random);
  }

  async go(operations: number): Promise<void> {
    while (this.made < operations && this.mismatches.length < MISMATCHES_MAX) {
      this.made += 1;
      if (this.#random.fraction() < 0.02) await this.#watch();
      else await this.#call(this.#operations.next());
      if (this.made % SETTLE_EVERY === 0) await this.#settle();
    }
    await this.#settle();
  }

  close(): void {
    for (const watches of this.#watches) watches.close();
    for (const client of this.#clients) client.close();
  }

  async #call(made: Call): Promise<void> {
    // What an event replaced can be compacted away before it is told: whether it is, is a matter of time.
    if (made.name === "compact") await this.#settleForCompaction();
    const byJson = this.#random.fraction() < JSON_SHARE && made.method.gateway.length > 0;
    const outcomes = await Promise.all(
      this.#clients.map((client, at) =>
        byJson
          ? callByJson(this.#endpoints[at]!, made.method, made.request)
          : (client.call(made.method, made.request) as Promise<Outcome<unknown>>),
      ),
    );
    const [theirs, ours] = outcomes.map((outcome) => normal(made.name, outcome));
    this.#compare(`${byJson ? "json " : ""}${made.name} ${show(made.request)}`, theirs!, ours!);
    const answer = outcomes[0]!;
    const revision = "ok" in answer ? Number((answer.ok as Answer).header?.revision ?? 0) : 0;
    this.#operations.revision = Math.max(this.#operations.revision, revision);
  }

  async #watch(): Promise<void> {
    const random = this.#random;
    if (this.#watchIds.size > 6 || random.fraction() < 0.3) {
      await this.#settle();
      const id = this.#someWatchId();
      const isKnown = this.#watchIds.delete(id);
      await Promise.all(this.#watches.map((watches) => watches.cancel(id, isKnown)));
      return;
    }
    const createRequest = WatchCreateRequest.of({
      key: random.fraction() < 0.05 ? "" : "abcd"[random.between(0, 3)]!,
      rangeEnd: ["", "c", "zz", "\0", "a"][random.between(0, 4)]!,
      startRevision:
        random.fraction() < 0.4 ? Math.max(0, this.#operations.revision + 1 - random.between(0, 60)) : 0,
      prevKv: random.fraction() < 0.5,
      filters: [[], [], [], [0], [1], [0, 1]][random.between(0, 5)]!,
      watchId: random.fraction() < 0.3 ? this.#chosenWatchId() : 0,
      fragment: random.fraction() < 0.2,
    });
    const request = WatchRequest.of({ createRequest });
    const created = await Promise.all(this.#watches.map((watches) => watches.create(request)));
    const [theirs, ours] = created.map((response) => normal("watch", { ok: { ...response, events: [] } }));
    this.#compare(`watch ${show(createRequest)}`, theirs!, ours!);
    this.#hasNewWatch = true;
    if (created[0]!.watchId !== -1) this.#watchIds.add(created[0]!.watchId);
  }

  /** etcd looks at watchers that begin in the past every 100 ms: until then a compaction ends them. */
  async #settleForCompaction(): Promise<void> {
    await this.#settle();
    if (this.#hasNewWatch) await new Promise((resolve) => setTimeout(resolve, 300));
    this.#hasNewWatch = false;
  }

  #someWatchId(): number {
    const ids = [...this.#watchIds, 999_999];
    return ids[this.#random.between(0, ids.length - 1)]!;
  }

  /** One that is in use, or new: etcd does not give the id of a watcher that a compaction ended to another. */
  #chosenWatchId(): number {
    return this.#random.fraction() < 0.5 ? this.#someWatchId() : 1_000_000 + this.made;
  }

  /** Writes something that both are at, waits until watches know it, and compares what they were told. */
  async #settle(): Promise<void> {
    const sentinel = call("put", { key: "sentinel" });
    const answers = await Promise.all(
      this.#clients.map((client) => client.call(sentinel.method, sentinel.request)),
    );
    const revisions = answers.map((answer) => ("ok" in answer ? (answer.ok as Answer).header!.revision : 0));
    this.#compare("settle", String(revisions[0]), String(revisions[1]));
    this.#operations.revision = Number(revisions[0]);
    const [theirs, ours] = this.#watches;
    if (this.#watchIds.size > 0) await ours!.settle(Number(revisions[1]));
    // The progress that etcd 3.4 tells may overtake events (etcd-io/etcd#15220): there is only waiting for them.
    for (let attempt = 0; attempt < 150 && theirs!.text !== ours!.text; attempt++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const id of new Set([...theirs!.told.keys(), ...ours!.told.keys()])) {
      this.#compare(`told by watch ${id}`, theirs!.textOf(id), ours!.textOf(id));
      if (theirs!.told.get(id)?.at(-1)?.startsWith("canceled") === true) this.#watchIds.delete(id);
    }
    for (const { told } of this.#watches) told.clear();
  }

  #compare(what: string, theirs: string, ours: string): void {
    if (theirs !== ours) this.mismatches.push({ at: this.made, call: what, theirs, ours });
  }
}

interface Answer {
  readonly header?: { readonly revision: number } | null;
}

function show(request: object): string {
  return JSON.stringify(request, (_name, value: unknown) =>
    typeof value === "bigint"
      ? String(value)
      : value === "" || value === 0 || value === false || value === null
        ? undefined
        : value,
  );
}
