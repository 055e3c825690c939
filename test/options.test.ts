import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Emitter } from "../src/base/emitter.ts";
import { QuorateError } from "../src/base/errors.ts";
import { connect } from "../src/client/connect.ts";
import * as client from "../src/client/index.ts";
import { Coordination } from "../src/coordination/coordination.ts";
import * as etcd from "../src/etcd/index.ts";
import { serveEtcd } from "../src/etcd/server.ts";
import * as quorate from "../src/index.ts";
import { createReplica, open } from "../src/open.ts";
import { DiskStorage } from "../src/storage/disk/disk-storage.ts";
import { MemoryStorage } from "../src/storage/memory-storage.ts";
import * as testkit from "../src/testkit/index.ts";
import { MemoryNetwork } from "../src/transport/memory-transport.ts";
import { tcp } from "../src/transport/tcp/tcp-transport.ts";
import { Counter } from "./replica/counter.ts";

/** What is neither options nor anything else that a call takes. */
const GARBAGE = [null, 42, true, [], () => {}, new Map(), Promise.resolve({}), new AbortController().signal];
const NO_TEXT = [undefined, null, 42, "", {}, [], () => {}, Promise.resolve("a")];
const NO_NUMBER = [
  undefined,
  null,
  "1",
  {},
  Number.NaN,
  -1,
  1.5,
  Number.POSITIVE_INFINITY,
  Promise.resolve(1),
];
const NO_FUNCTION = [undefined, null, 42, "a", {}];
const NO_BOUNDS = [
  undefined,
  null,
  42,
  {},
  { prefix: undefined },
  { prefix: "" },
  { gte: "b", lt: "a" },
  { gt: "a", lte: "a" },
  { prefx: "a" },
  { start: "a", end: "b" },
  { all: false },
  { all: true, prefix: "a" },
  [],
  new AbortController().signal,
];

/** One argument that is right, and some that are wrong. */
interface Argument {
  readonly good: unknown;
  readonly bad: readonly unknown[];
}

/** How a call is made: the arguments before its options, and one of its options, if it takes any. */
interface Call {
  readonly before: readonly Argument[];
  readonly option?: string;
}

const key: Argument = { good: "a", bad: NO_TEXT };
const value: Argument = { good: "1", bad: NO_TEXT.filter((wrong) => wrong !== "") };
const keyOrRange: Argument = { good: "a", bad: [...NO_BOUNDS, ""] };
const work: Argument = { good: async () => {}, bad: NO_FUNCTION };
const whole: Argument = { good: 1, bad: NO_NUMBER };
const lease: Argument = { good: "1", bad: NO_TEXT };
const none: Call = { before: [] };
/** What takes no options, or what is not for programs. */
const bare = (...before: Argument[]): Call => ({ before });
const timed = (...before: Argument[]): Call => ({ before, option: "timeoutMs" });

const KV: Record<string, Call> = {
  get: timed(key),
  entry: timed(key),
  put: timed(key, value),
  touch: timed(key),
  delete: timed(keyOrRange),
  range: bare({ good: { prefix: "a" }, bad: NO_BOUNDS }),
  watch: bare(keyOrRange),
  txn: none,
  transact: timed(work),
  lease: timed({ good: 1_000, bad: [...NO_NUMBER, 10, 499, 1e15] }),
  leases: timed(),
  leaseInfo: timed(lease),
  revoke: timed(lease),
  session: timed(),
  metrics: none,
  disarm: timed(),
  compact: timed(whole),
  hash: timed(),
  namespace: { before: [{ good: "a/", bad: NO_TEXT }], option: "values" },
  close: none,
};
const RECIPES = { lock: bare(key), election: bare(key) };
const LISTENING = { on: none, once: none, off: none };
const DISPOSAL = {};

const CALLS: Record<string, Record<string, Call>> = {
  Store: { ...KV, ...RECIPES, ...LISTENING, ready: timed(), snapshot: none, backup: timed(), status: none },
  RemoteStore: { ...KV, ...RECIPES, ready: timed() },
  Kv: KV,
  Scan: { toArray: none, keys: none, first: none, count: none, page: { before: [], option: "limit" } },
  TxnBuilder: {
    when: bare({
      good: (of: (key: string) => { exists(): unknown }) => of("a").exists(),
      bad: [null, 42, {}, () => {}],
    }),
    do: bare({ good: () => [], bad: [...NO_FUNCTION, () => {}, () => 1, () => [1]] }),
    otherwise: bare({ good: () => [], bad: [...NO_FUNCTION, () => {}, () => 1, () => [1]] }),
    commit: timed(),
  },
  Watch: { batches: none, close: none, fail: none },
  Lease: { revoke: timed(), close: none, fail: none },
  ClientSession: { once: bare({ good: 1, bad: ["1", {}, 0, -1, 1.5, Number.NaN] }), end: timed() },
  Cluster: {
    add: timed({
      good: { name: "n9", address: "" },
      bad: [undefined, null, "n9", {}, { name: "n9", adress: "" }, { address: 1 }],
    }),
    update: timed(
      { good: "n9", bad: [] },
      { good: {}, bad: [undefined, null, "n9", { adress: "" }, { clients: "a" }] },
    ),
    promote: timed({ good: "n9", bad: [] }),
    remove: timed({ good: "n9", bad: [] }),
    transfer: timed({ good: "n9", bad: [] }),
  },
  Replica: {
    ...LISTENING,
    propose: timed({ good: { add: 1 }, bad: [] }),
    barrier: timed(),
    query: timed({ good: undefined, bad: [] }),
    ready: timed(),
    ...{ capture: none, snapshot: none, status: none, metrics: none, close: none, observe: none },
  },
  Coordination: {
    ...{
      lock: bare(key),
      readWriteLock: bare(key),
      election: bare(key),
      barrier: bare(key),
      queue: bare(key),
    },
    doubleBarrier: bare(key, { good: 1, bad: [...NO_NUMBER, 0] }),
    registry: bare({ good: "a", bad: NO_TEXT.filter((wrong) => wrong !== undefined) }),
    session: { before: [], option: "ttlMs" },
  },
  Lock: { acquire: timed(), tryAcquire: timed(), run: timed(work), waiters: timed() },
  ReadWriteLock: {},
  Election: {
    campaign: timed({ good: "me", bad: NO_TEXT.filter((wrong) => wrong !== "") }),
    leader: timed(),
    observe: { before: [], option: "signal" },
    whileLeading: timed(work),
  },
  Barrier: { hold: timed(), release: timed(), wait: timed() },
  DoubleBarrier: { enter: timed() },
  Queue: { enqueue: timed(value), dequeue: timed(), tryDequeue: timed(), undecodable: timed() },
  Registry: {
    register: timed({
      good: { name: "a", address: "b" },
      bad: [undefined, null, "a", {}, { name: "a" }, { name: "a", address: "b", meta: 1 }],
    }),
    services: timed(key),
    watch: { before: [key], option: "signal" },
  },
  Registration: { release: none },
  LeaseSession: { nextKey: none, close: none },
  Hold: { proclaim: timed(value), release: none },
  RemoteCluster: {
    members: timed(),
    add: timed({
      good: { peerUrls: ["http://x:1"] },
      bad: [undefined, null, {}, { peerUrls: "x" }, { peerUrl: [] }],
    }),
    remove: timed({ good: "1", bad: [undefined, null, 42, ""] }),
    promote: timed({ good: "1", bad: [undefined, null, 42, ""] }),
    update: timed({ good: "1", bad: [undefined, null, 42, ""] }, { good: ["http://x:1"], bad: [] }),
    transfer: timed({ good: "1", bad: [] }),
    status: timed(),
    snapshot: timed({ good: 0, bad: [] }),
  },
};

const ends: (() => unknown)[] = [];
const subjects = new Map<string, object>();

beforeAll(async () => {
  const store = await open({});
  await store.ready();
  const front = await serveEtcd(store, { listen: { port: 0 } });
  const remote = await connect({ endpoints: front.urls });
  const replica = await createReplica({ machine: new Counter() });
  const recipes = new Coordination(store);
  const held = await recipes.election("e").campaign("me");
  const registration = await recipes.registry().register({ name: "s", address: "x" });
  const doubleBarrier = recipes.doubleBarrier("d", 1);
  const parts: object[] = [
    store,
    ...[remote, replica, recipes, held, registration, store.namespace("ns/"), store.range(), store.txn()],
    ...[store.watch("w"), await store.lease(60_000), await store.session(), store.cluster, remote.cluster],
    ...[
      recipes.lock("l"),
      recipes.readWriteLock("rw"),
      recipes.election("e2"),
      recipes.barrier("b"),
      doubleBarrier,
    ],
    ...[recipes.queue("q"), recipes.registry(), await recipes.session()],
  ];
  for (const part of parts) subjects.set(part.constructor.name, part);
  ends.push(
    () => remote.close(),
    () => front.close(),
    () => replica.close(),
    () => store.close(),
  );
});

afterAll(async () => {
  for (const end of ends) await end();
});

/** The error that a call ends with, however it gives it; undefined when it was taken. */
async function errorOf(run: () => unknown): Promise<unknown> {
  try {
    const given = run() as Partial<AsyncGenerator> | Promise<unknown>;
    const isGenerator = typeof (given as AsyncGenerator | undefined)?.next === "function";
    const ended = isGenerator ? (given as AsyncGenerator).next() : given;
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2_000).unref())]);
    return undefined;
  } catch (error) {
    return error;
  }
}

async function expectRefusal(what: string, run: () => unknown): Promise<QuorateError> {
  const error = await errorOf(run);
  expect(QuorateError.is(error) ? error.code : error, what).toBe("ERR_INVALID_ARGUMENT");
  expect((error as QuorateError).outcome, what).toBe("none");
  return error as QuorateError;
}

/** What users can call of an object: its own class's methods and those that it inherits, but not Node's for listeners. */
function methodsOf(subject: object): string[] {
  const names = new Set<string>();
  for (
    let proto = Object.getPrototypeOf(subject);
    proto !== null && proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto)
  ) {
    if (proto === Emitter.prototype) break;
    for (const [name, { value: method }] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
      if (name !== "constructor" && typeof method === "function") names.add(name);
    }
  }
  return [...names].sort();
}

/** Methods of which the type says that they are ours. */
const INTERNAL = new Set(["listened"]);

describe.each(Object.keys(CALLS))("%s", (name) => {
  const calls = Object.entries(CALLS[name]!);
  const invoke = (method: string, args: readonly unknown[]) => {
    const subject = subjects.get(name) as Record<string, (...given: readonly unknown[]) => unknown>;
    return subject[method]!(...args);
  };

  test("every method is in the table of this test", () => {
    const expected = methodsOf(subjects.get(name)!).filter((method) => !INTERNAL.has(method));
    const known = { ...CALLS[name], ...DISPOSAL };
    expect(expected.filter((method) => !(method in known))).toEqual([]);
  });

  const withOptions = calls.filter(([, { option }]) => option !== undefined);
  test.each(withOptions)(
    "%s refuses options that it does not know, and what are no options",
    async (method, call) => {
      const before = call.before.map(({ good }) => good);
      const unknown = await expectRefusal(`${method} with zzz`, () =>
        invoke(method, [...before, { zzz: 1 }]),
      );
      expect(unknown.details).toMatchObject({ argument: "zzz", received: 1 });
      const option = call.option!;
      const typo = `${option.slice(0, 2)}${option.slice(3)}`;
      const near = await expectRefusal(`${method} with ${typo}`, () =>
        invoke(method, [...before, { [typo]: 1 }]),
      );
      expect(near.message).toContain(`did you mean ${option}?`);
      for (const wrong of [...GARBAGE, "text"]) {
        await expectRefusal(`${method} with ${String(wrong)} for options`, () =>
          invoke(method, [...before, wrong]),
        );
      }
      for (const wrong of [{ [option]: Number.NaN }, { [option]: -1 }, { [option]: () => {} }]) {
        await expectRefusal(`${method} with a wrong ${option}`, () => invoke(method, [...before, wrong]));
      }
    },
  );

  const withArguments = calls.flatMap(([method, { before }]) =>
    before
      .map((argument, at) => [method, at, argument.bad, before] as const)
      .filter(([, , bad]) => bad.length > 0),
  );
  test.each(withArguments)("%s refuses what its argument %i cannot be", async (method, at, bad, before) => {
    for (const wrong of bad) {
      const args = before.map(({ good }, each) => (each === at ? wrong : good));
      await expectRefusal(`${method} with ${typeof wrong} ${JSON.stringify(wrong)}`, () =>
        invoke(method, args),
      );
    }
  });
});

/** Methods that take as many arguments as they are given, or that only parts of ours call. */
const VARIADIC = new Set(["when", "fail", "observe", "listened", "emit", "pick", "oneOf", "weighted"]);

const ENTRIES = { quorate, client, etcd, testkit };

describe("more arguments than a call takes", () => {
  test("are refused by every method that can be called of anything public", async () => {
    for (const [name, subject] of subjects) {
      for (const method of methodsOf(subject).filter((each) => !VARIADIC.has(each))) {
        const loose = subject as Record<string, (...given: readonly unknown[]) => unknown>;
        const error = await expectRefusal(`${name}.${method}`, () =>
          loose[method]!(...Array.from({ length: 9 }).fill(undefined)),
        );
        expect(error.message, `${name}.${method}`).toMatch(
          /takes (no arguments|one argument|\d arguments at most)/,
        );
      }
    }
  });

  test("are refused by every function that an entry of the package exports", async () => {
    for (const [entry, exported] of Object.entries(ENTRIES)) {
      for (const [name, value] of Object.entries(exported as Record<string, unknown>)) {
        if (typeof value !== "function" || String(value).startsWith("class")) continue;
        if (VARIADIC.has(name)) continue;
        const error = await expectRefusal(`${entry}: ${name}`, () =>
          value(...Array.from({ length: 9 }).fill(undefined)),
        );
        expect(error.message, `${entry}: ${name}`).toContain("takes");
      }
    }
  });

  test("are refused where they were meant as options, and nothing is opened", async () => {
    const loose = open as unknown as (...given: readonly unknown[]) => Promise<unknown>;
    const dir = join(tmpdir(), `quorate-surplus-${process.pid}`);
    const error = await expectRefusal("open(dir, options)", () => loose(dir, { name: "n1" }));
    expect(error.message).toBe("open takes one argument, and was given 2; options are part of it");
    expect(existsSync(dir)).toBe(false);
  });
});

describe("calls that would have no effect", () => {
  test("a transaction that has ended takes no more", async () => {
    const store = await open({});
    await store.ready();
    let late: Parameters<Parameters<typeof store.transact>[0]>[0] | undefined;
    await store.transact(async (tx) => {
      late = tx;
    });
    await expectRefusal("tx.put", () => late!.put("a", "1"));
    await expectRefusal("tx.delete", () => late!.delete("a"));
    await expectRefusal("tx.get", () => late!.get("a"));
    expect(await store.transact(() => 5)).toBe(5);
    await store.close();
  });

  test("a second list of operations for a branch is refused, and does not replace the first", async () => {
    const store = await open({});
    await store.ready();
    const txn = store.txn().do((op) => [op.put("a", "1")]);
    await expectRefusal("do", () => txn.do((op) => [op.put("b", "2")]));
    const other = store.txn().otherwise(() => []);
    await expectRefusal("otherwise", () => other.otherwise(() => []));
    await expectRefusal("conditions", () => store.put("c", "1", { ifMissing: true, ifRevision: 3 }));
    await store.close();
  });

  test("a promise instead of a value that cannot be decoded is refused, and a queue keeps the item", async () => {
    const store = await open({ values: "json" });
    await store.ready();
    const queue = new Coordination(store).queue("q");
    await new Coordination(store.namespace("", { values: "utf8" })).queue("q").enqueue("{");
    const later = { onDecodeError: async () => "x" };
    await expectRefusal("tryDequeue", () => queue.tryDequeue(later));
    await expectRefusal("dequeue", () => queue.dequeue(later));
    expect(await queue.undecodable()).toHaveLength(1);
    await store.close();
    const promising = { name: "p", encode: () => new Uint8Array(1), decode: async () => "x" };
    const lazy = await open({ values: promising as never });
    await lazy.ready();
    await lazy.put("a", "x" as never);
    await expect(lazy.get("a")).rejects.toMatchObject({ code: "ERR_DECODE" });
    await lazy.close();
  });

  test("a listener of an event that there is not, or that is no function, is refused by a near name", async () => {
    const store = await open({});
    const watch = store.watch("a");
    const lease = new Emitter({ lost: true } as never);
    for (const emitter of [store, watch, lease]) {
      const loose = emitter as unknown as Record<string, (event: unknown, listener?: unknown) => unknown>;
      for (const method of ["on", "once"]) {
        await expectRefusal(method, () => loose[method]!("change", () => {}));
        await expectRefusal(method, () => loose[method]!("error", undefined));
      }
    }
    const error = await expectRefusal("leeder", () => store.on("leeder" as "leader", () => {}));
    expect(error.message).toContain("did you mean leader?");
    await store.close();
  });
});

test("the test kit refuses options that it does not know", async () => {
  const machine = () => new Counter();
  const commands = () => ({ add: 1 });
  const simulate = testkit.simulate as unknown as (options: unknown) => unknown;
  const model = testkit.checkModel as unknown as (...given: readonly unknown[]) => unknown;
  const near = await expectRefusal("simulate", () => simulate({ machine, commands, sed: 1 }));
  expect(near.message).toContain("did you mean seed?");
  await expectRefusal("budget", () => simulate({ machine, commands, budget: { seed: 1 } }));
  await expectRefusal("checkModel", () => model(machine, {}, { commands, run: 5 }));
});

describe("nothing that is mistyped means everything", () => {
  test("a delete keeps the store, whatever its bounds were meant to be", async () => {
    const store = await open({});
    await store.ready();
    const keys = ["jobs/1", "jobs/2", "users/1"];
    for (const each of keys) await store.put(each, "x");
    const loose = store as unknown as Record<string, (...args: unknown[]) => unknown>;
    for (const wrong of [...NO_BOUNDS, { prefix: "jobs/", limit: 1 }, { prefix: "jobs/", reverse: true }]) {
      await expectRefusal(`delete(${JSON.stringify(wrong)})`, () => loose["delete"]!(wrong));
      const op = () => store.txn().do((ops) => [ops.delete(wrong as unknown as "a")]);
      await expectRefusal(`op.delete(${JSON.stringify(wrong)})`, op);
    }
    await expectRefusal("range with two arguments", () => loose["range"]!({ prefix: "a" }, { limit: 1 }));
    await expectRefusal("watch with options behind the key", () => loose["watch"]!("a", { prev: true }));
    for (const wrong of [
      { ttl: 100 },
      { ifMising: true },
      { ifVersion: undefined },
      { ifRevision: undefined },
      { ifMissing: undefined },
      { lease: undefined },
      { lease: "" },
    ]) {
      await expectRefusal(`put with ${JSON.stringify(wrong)}`, () => loose["put"]!("jobs/1", "y", wrong));
    }
    expect(await store.range().keys()).toEqual(keys);
    expect(await store.get("jobs/1")).toBe("x");

    const jobs = store.namespace("jobs/");
    expect(await jobs.delete({ all: true })).toMatchObject({ deleted: 2 });
    expect(await store.range().keys()).toEqual(["users/1"]);
    await store.close();
  });

  test("a value that was not awaited, and a function, are no values, whatever the codec", async () => {
    for (const values of ["utf8", "binary", "json", "msgpack"] as const) {
      const store = await open({ values });
      await store.ready();
      const loose = store as unknown as { put(key: string, value: unknown): Promise<unknown> };
      for (const wrong of [Promise.resolve("x"), () => "x", undefined]) {
        if (wrong === undefined && values === "msgpack") continue;
        await expectRefusal(`${values} ${String(wrong)}`, () => loose.put("a", wrong));
      }
      await store.close();
    }
  });
});

describe("what opens things", () => {
  const given = (call: (options: never) => unknown) => call as (options?: unknown) => unknown;
  const files = {} as ConstructorParameters<typeof DiskStorage>[0];
  const cases: readonly (readonly [
    name: string,
    call: (options?: unknown) => unknown,
    wrong: readonly unknown[],
  ])[] = [
    [
      "open",
      given(open),
      [
        undefined,
        null,
        42,
        "",
        [],
        { dri: "x" },
        { dir: undefined },
        { dir: "" },
        { peers: undefined },
        { peers: [] },
        { name: 1 },
        { values: "xml" },
        { quotaBytes: Number.NaN },
        { limits: { tickMS: 1 } },
        { limits: 5 },
        { storage: {} },
        { transport: "tcp" },
        Promise.resolve({}),
        new AbortController().signal,
      ],
    ],
    [
      "createReplica",
      given(createReplica),
      [
        undefined,
        null,
        {},
        { machine: {} },
        { machine: new Counter(), codek: 1 },
        { machine: new Counter(), codec: "xml" },
        { machine: new Counter(), dir: undefined },
      ],
    ],
    [
      "connect",
      given(connect),
      [
        undefined,
        null,
        "x:1",
        {},
        { endpoint: "x:1" },
        { endpoints: [] },
        { endpoints: "x:1", tls: undefined },
        { endpoints: "x:1", auth: { user: "a" } },
        { endpoints: "x:1", auth: { user: "a", pasword: "b" } },
        { endpoints: "x:1", callTimeoutMs: -1 },
      ],
    ],
    [
      "tcp",
      given(tcp),
      [
        null,
        "x",
        { secrt: "x" },
        { secret: undefined },
        { secret: "" },
        { tls: {} },
        { tls: undefined },
        { listen: "nowhere" },
        { limits: { silenceMs: 0 } },
        { limits: { silence: 1 } },
      ],
    ],
    [
      "MemoryNetwork",
      (options) => new MemoryNetwork(options as object),
      [null, { fault: {} }, { faults: { los: 1 } }, { faults: { loss: 2 } }],
    ],
    [
      "MemoryStorage",
      (options) => new MemoryStorage(options as object),
      [null, "x", { storeid: "x" }, { storeId: "x" }],
    ],
    [
      "DiskStorage",
      (options) => new DiskStorage(files, options as object),
      [null, { segmentbytes: 1 }, { segmentBytes: 1 }, { onCorruption: "x" }],
    ],
  ];
  test.each(cases)("%s refuses what cannot be meant, with a code", async (name, call, wrong) => {
    for (const options of wrong)
      await expectRefusal(`${name}(${JSON.stringify(options)})`, () => call(options));
  });

  test("serveEtcd and Coordination refuse what is no store, and serveEtcd one that is closed", async () => {
    const store = await open({});
    const remote = await connect({ endpoints: "127.0.0.1:1" });
    const noStores = [undefined, null, {}, "x", () => {}, open, Promise.resolve(store), { parts: {} }];
    for (const wrong of noStores) {
      await expectRefusal(`Coordination of ${String(wrong)}`, () => new Coordination(wrong as never));
    }
    for (const wrong of [...noStores, store.namespace("a/"), remote]) {
      await expectRefusal(`serveEtcd of ${String(wrong)}`, () =>
        serveEtcd(wrong as never, { listen: { port: 0 } }),
      );
    }
    await remote.close();
    await store.close();
    await expect(serveEtcd(store, { listen: { port: 0 } })).rejects.toMatchObject({ code: "ERR_CLOSED" });
  });

  test("serveEtcd refuses what cannot be meant, with a code", async () => {
    const store = await open({});
    const wrong = [
      undefined,
      null,
      {},
      { listen: 5 },
      { listen: { prot: 1 } },
      { listen: { port: -1 } },
      { listen: { port: 0 }, tls: undefined },
      { listen: { port: 0 }, electionMS: 1 },
      { listen: { port: 0 }, version: "3" },
    ];
    for (const options of wrong) {
      await expectRefusal(`serveEtcd(${JSON.stringify(options)})`, () => serveEtcd(store, options as never));
    }
    await store.close();
  });
});
