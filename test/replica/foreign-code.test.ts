import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { createReplica } from "../../src/open.ts";
import { commandCodec } from "../../src/replica/calls/command-codec.ts";
import { Replica } from "../../src/replica/replica.ts";
import type { StateMachine } from "../../src/replica/state-machine.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import type { SnapshotReader, SnapshotWriter, Storage } from "../../src/storage/storage.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { uncaughtDuring } from "../base/uncaught.ts";
import { type Add, Counter } from "./counter.ts";
import { until } from "./test-cluster.ts";

/**
 * Everything that code of an application's own may do wrong: throw at once, throw later, reject, never answer, answer
 * with nonsense. In each case there is a coded error, no uncaught exception, and nothing waits for ever.
 */
const root = mkdtempSync(join(tmpdir(), "quorate-foreign-"));
afterAll(() => rmSync(root, { recursive: true }));

type Machine = Partial<StateMachine<Add, number, void, number>>;
type Wrong = (...args: never[]) => unknown;

const broken: Wrong = () => {
  throw new Error("a bug");
};
const rejecting: Wrong = async () => broken();
const silent: Wrong = () => {};
const yielding =
  (value: unknown): Wrong =>
  () =>
    value;

/** The object with some methods replaced; the others keep their object. */
function withMethods<Target extends object>(
  target: Target,
  methods: Readonly<Record<string, unknown>>,
): Target {
  return new Proxy(target, {
    get(of, name) {
      if (Object.hasOwn(methods, name)) return methods[name as string];
      const value: unknown = Reflect.get(of, name, of);
      return typeof value === "function" ? value.bind(of) : value;
    },
  });
}

interface Parts {
  readonly machine: Machine;
  readonly storage: Storage;
  readonly transport: Transport;
  readonly codec?: unknown;
}

const memory = () => new MemoryStorage({ storeId: "0".repeat(32) });
const sound = (): Parts => ({
  machine: new Counter(),
  storage: memory(),
  transport: new MemoryNetwork().transport(),
});

/** Waits fifty times as fast as it says, for limits of ten seconds. */
const HASTY: Clock = { ...systemClock, after: (ms, run) => systemClock.after(ms / 50, run) };

function start({ machine, storage, transport }: Parts): Promise<Replica<Add, number, void, number>> {
  return Replica.open<Add, number, void, number>({
    name: "n1",
    peers: { n1: "" },
    machine: machine as StateMachine<Add, number, void, number>,
    codec: commandCodec<Add>("json"),
    storage,
    transport,
    clock: HASTY,
    random: new Random(1),
    limits: { tickMs: 500, snapshotEntries: 30, checkpointEntries: 40, callTimeoutMs: 300 },
  });
}

async function failure(call: Promise<unknown>): Promise<QuorateError> {
  const reason: unknown = await Promise.race([
    call.then(
      () => "no failure",
      (error: unknown) => error,
    ),
    new Promise((resolve) => setTimeout(resolve, 5_000, "nothing within 5 s")),
  ]);
  if (QuorateError.is(reason)) return reason;
  throw new Error(`expected a QuorateError, not ${String(reason)}`, { cause: reason });
}

function* twoChunks(second: () => unknown): Generator<unknown> {
  yield new Uint8Array(1);
  yield second();
}

const NO_SNAPSHOTS: readonly (readonly [string, Wrong])[] = [
  ["throws", broken],
  ["throws after its first chunk", () => twoChunks(broken)],
  ["rejects", rejecting],
  ["gives a promise", async () => []],
  ["gives an async generator", async function* () {}],
  ["gives text", yielding("abc")],
  ["gives nothing", silent],
  ["gives a number", yielding(7)],
  ["gives one chunk of text", yielding(["a"])],
  ["gives text after its first chunk", () => twoChunks(() => "a")],
  ["gives a Uint16Array", yielding([new Uint16Array(2)])],
  ["gives an iterator that cannot be asked", yielding({ [Symbol.iterator]: broken })],
];

for (const [what, snapshot] of NO_SNAPSHOTS) {
  for (const place of ["memory", "disk"]) {
    test(`on a ${place}, a machine whose snapshot ${what} cannot found a cluster`, async () => {
      const machine = withMethods(new Counter(), { snapshot });
      const dir = join(root, what);
      const caught = await uncaughtDuring(async () => {
        const opening = createReplica(place === "disk" ? { machine, dir } : { machine });
        expect(await failure(opening)).toMatchObject({
          code: "ERR_MACHINE",
          details: { method: "snapshot" },
        });
      });
      expect(caught).toEqual([]);
      if (place === "memory") return;
      // It has let go of the directory, in which nothing was founded.
      const replica = await createReplica({ machine: new Counter(), dir });
      await replica.ready();
      await replica.close();
    });
  }
}

const restoring = (part: Readonly<Record<string, Wrong>>) => ({
  beginRestore: () => ({ write: silent, finish: yielding(true), ...part }),
});
const RESTORES: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["throws in restore", { restore: broken }],
  ["rejects in restore", { restore: rejecting }],
  ["throws in beginRestore", { beginRestore: broken }],
  ["gives nothing in beginRestore", { beginRestore: silent }],
  ["rejects in beginRestore", { beginRestore: rejecting }],
  ["throws in write", restoring({ write: broken })],
  ["rejects in write", restoring({ write: rejecting })],
  ["throws in finish", restoring({ finish: broken })],
  ["never says that it is finished", restoring({ finish: silent })],
  ["rejects in finish", restoring({ finish: rejecting })],
];

for (const [what, methods] of RESTORES) {
  test(`a machine that ${what} cannot start again, and has its storage back`, async () => {
    const dir = join(root, what);
    const first = await createReplica({ machine: new Counter(), dir });
    await first.ready();
    await first.propose({ add: 2 });
    first.snapshot();
    await first.close();
    const caught = await uncaughtDuring(async () => {
      const opening = createReplica({ machine: withMethods(new Counter(), methods), dir });
      expect(await failure(opening)).toMatchObject({ code: "ERR_MACHINE", details: { method: "restore" } });
    });
    expect(caught).toEqual([]);
    const again = await createReplica<Add, number, void, number>({ machine: new Counter(), dir });
    expect(await again.query()).toBe(2);
    await again.close();
  });
}

const late = (cause: unknown): Wrong =>
  ((...args: readonly unknown[]) => setImmediate(args.at(-1) as (error: unknown) => void, cause)) as Wrong;
/** A method that ends by a callback, in all the ways in which it may fail. */
const failing = (method: string): readonly (readonly [string, Wrong])[] => [
  [`throws in ${method}`, broken],
  [`rejects in ${method}`, rejecting],
  [`calls back from ${method} with an error of its own`, late(new Error("a bug"))],
  [`calls back from ${method} with text`, late("a bug")],
];

const writing = (part: Readonly<Record<string, Wrong>>) => (storage: Storage) => ({
  createSnapshot: (snapshot: never): SnapshotWriter => withMethods(storage.createSnapshot(snapshot), part),
});
const reading = (part: Readonly<Record<string, Wrong>>) => (storage: Storage) => ({
  openSnapshot: (): SnapshotReader => withMethods(storage.openSnapshot()!, part),
});
type Methods = (storage: Storage) => Readonly<Record<string, unknown>>;

const OPENINGS: readonly (readonly [string, Methods])[] = [
  ["throws in open", () => ({ open: broken })],
  ["rejects in open", () => ({ open: rejecting })],
  ["gives nothing in open", () => ({ open: silent })],
  ...failing("openInSlices").map(([what, openInSlices]) => [what, () => ({ openInSlices })] as const),
  ["gives nothing from openInSlices", () => ({ openInSlices: late(null) })],
  ["throws in createSnapshot", () => ({ createSnapshot: broken })],
  ["gives nothing in createSnapshot", () => ({ createSnapshot: silent })],
  ...failing("write").map(([what, write]) => [what, writing({ write })] as const),
  ...failing("commit").map(([what, commit]) => [what, writing({ commit })] as const),
  ["throws in openSnapshot", () => ({ openSnapshot: broken })],
  ["gives text in openSnapshot", () => ({ openSnapshot: yielding("x") })],
  ["throws in readSync", reading({ readSync: broken })],
  ["rejects in readSync", reading({ readSync: rejecting })],
  ["throws in onFault", () => ({ onFault: broken })],
];

for (const [what, methods] of OPENINGS) {
  test(`a storage that ${what} is an error of the opening`, async () => {
    const caught = await uncaughtDuring(async () => {
      const storage = memory();
      const opening = start({ ...sound(), storage: withMethods<Storage>(storage, methods(storage)) });
      expect(await failure(opening)).toMatchObject({ code: "ERR_STORAGE" });
    });
    expect(caught).toEqual([]);
  });
}

for (const [what, begin] of [...failing("start"), ["never calls back from start", silent] as const]) {
  test(`a transport that ${what} is an error of the opening, and is closed`, async () => {
    let isClosed = false;
    const close = (closed: (error: null) => void): void => {
      isClosed = true;
      closed(null);
    };
    const caught = await uncaughtDuring(async () => {
      const transport = withMethods(sound().transport, { start: begin, close });
      expect(await failure(start({ ...sound(), transport }))).toMatchObject({
        code: "ERR_TRANSPORT",
        details: { method: "start" },
      });
    });
    expect(caught).toEqual([]);
    expect(isClosed).toBe(true);
  });
}

/** What goes wrong in a member that runs, and the error that stops it. */
const STOPS: readonly (readonly [string, (parts: Parts) => Readonly<Record<string, unknown>>, string])[] = [
  ...NO_SNAPSHOTS.map(
    ([what, snapshot]) => [`snapshot ${what}`, () => ({ snapshot }), "ERR_MACHINE"] as const,
  ),
  ["beginHash throws", () => ({ beginHash: broken }), "ERR_MACHINE"],
  ["beginHash rejects", () => ({ beginHash: rejecting }), "ERR_MACHINE"],
  ["beginHash gives text", () => ({ beginHash: yielding("x") }), "ERR_MACHINE"],
  ["the hash throws later", () => ({ beginHash: yielding(broken) }), "ERR_MACHINE"],
  ["the hash is a fraction", () => ({ beginHash: yielding(yielding(0.5)) }), "ERR_MACHINE"],
  ["the hash is null", () => ({ beginHash: yielding(yielding(null)) }), "ERR_MACHINE"],
  ["the hash rejects", () => ({ beginHash: yielding(rejecting) }), "ERR_MACHINE"],
  ["apply throws", () => ({ apply: broken }), "ERR_APPLY"],
  ["apply rejects", () => ({ apply: rejecting }), "ERR_APPLY"],
  ["apply gives nothing", () => ({ apply: silent }), "ERR_APPLY"],
  ["apply gives text", () => ({ apply: yielding("x") }), "ERR_APPLY"],
  ["apply gives too few results", () => ({ apply: yielding([]) }), "ERR_APPLY"],
  [
    "the results of apply are promises",
    () => ({ apply: (batch: readonly never[]) => batch.map(() => rejecting()) }),
    "ERR_APPLY",
  ],
];
const STORAGE_STOPS: readonly (readonly [string, Methods])[] = [
  ...failing("save").map(([what, save]) => [what, () => ({ save })] as const),
  ["throws in createSnapshot", () => ({ createSnapshot: broken })],
  ...failing("write").map(([what, write]) => [what, writing({ write })] as const),
  ...failing("commit").map(([what, commit]) => [what, writing({ commit })] as const),
  ["throws in compactTo", () => ({ compactTo: broken })],
  ["rejects in compactTo", () => ({ compactTo: rejecting })],
];

/** Breaks a part of a running member, proposes until it has stopped, and returns the error that it told. */
async function stopped(
  target: "machine" | "storage",
  methods: (parts: Parts) => Readonly<Record<string, unknown>>,
) {
  const parts = sound();
  const spoilt: Record<string, unknown> = {};
  const errors: QuorateError[] = [];
  const caught = await uncaughtDuring(async () => {
    const replica = await start({ ...parts, [target]: withMethods(parts[target], spoilt) });
    await replica.ready();
    replica.on("error", (error) => errors.push(error));
    Object.assign(spoilt, methods(parts));
    await until(() => {
      replica.propose({ add: 1 }).catch(() => {});
      return errors.length > 0;
    }, "the failure");
    expect(replica.status().state).toBe("failed");
    expect(await failure(replica.propose({ add: 1 }))).toMatchObject({ code: errors[0]!.code });
    await replica.close();
  });
  expect(caught).toEqual([]);
  expect(errors.length).toBe(1);
  return errors[0]!;
}

for (const [what, methods, code] of STOPS) {
  test(`a member stops, and says why, when ${what}`, async () => {
    expect(await stopped("machine", methods)).toMatchObject({ code });
  });
}

for (const [what, methods] of STORAGE_STOPS) {
  test(`a member stops, and says why, when its storage ${what}`, async () => {
    expect(await stopped("storage", ({ storage }) => methods(storage))).toMatchObject({
      code: "ERR_STORAGE",
    });
  });
}

/** What goes wrong while the member goes on. */
const CALLS: readonly (readonly [
  string,
  keyof Parts,
  Readonly<Record<string, Wrong>>,
  (replica: Replica<Add, number, void, number>) => Promise<unknown>,
  string,
])[] = [
  ["query throws", "machine", { query: broken }, (replica) => replica.query(), "ERR_MACHINE"],
  ["query rejects", "machine", { query: rejecting }, (replica) => replica.query(), "ERR_MACHINE"],
  [
    "capture finds no snapshot",
    "machine",
    { snapshot: silent },
    async (replica) => replica.capture(),
    "ERR_MACHINE",
  ],
  ["a save never ends", "storage", { save: silent }, (replica) => replica.propose({ add: 1 }), "ERR_TIMEOUT"],
  ["metrics throw", "storage", { metrics: broken }, async (replica) => replica.metrics(), "ERR_STORAGE"],
  [
    "metrics of the network throw",
    "transport",
    { metrics: broken },
    async (replica) => replica.metrics(),
    "ERR_TRANSPORT",
  ],
  ["closing throws", "storage", { close: broken }, (replica) => replica.close(), "ERR_STORAGE"],
  ["closing rejects", "storage", { close: rejecting }, (replica) => replica.close(), "ERR_STORAGE"],
  ["closing never ends", "storage", { close: silent }, (replica) => replica.close(), "ERR_STORAGE"],
];

for (const [what, target, spoilt, call, code] of CALLS) {
  test(`the call alone fails when ${what}`, async () => {
    const parts = sound();
    const methods: Record<string, Wrong> = {};
    const caught = await uncaughtDuring(async () => {
      const replica = await start({ ...parts, [target]: withMethods(parts[target] as object, methods) });
      await replica.ready();
      Object.assign(methods, spoilt);
      expect(await failure(call(replica))).toMatchObject({ code });
      expect(replica.status().state).not.toBe("failed");
      await replica.close();
    });
    expect(caught).toEqual([]);
  });
}

for (const [what, close] of [...failing("close"), ["never calls back from close", silent] as const]) {
  test(`a transport that ${what} does not keep its member from closing`, async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const caught = await uncaughtDuring(async () => {
      const replica = await start({ ...sound(), transport: withMethods(sound().transport, { close }) });
      await replica.close();
      await until(() => warnings.length > 0, "the warning");
    });
    process.off("warning", onWarning);
    expect(caught).toEqual([]);
    expect(warnings[0]!.message).toMatch(/^ERR_TRANSPORT: the transport failed in close/);
  });
}

test.each(["send", "setPeers"])(
  "a transport that rejects in %s costs no more than the frame",
  async (method) => {
    const network = new MemoryNetwork();
    const caught = await uncaughtDuring(async () => {
      const names = ["n1", "n2", "n3"];
      const members = await Promise.all(
        names.map((name) => {
          const transport = network.transport();
          const own = name === "n1" ? withMethods<Transport>(transport, { [method]: rejecting }) : transport;
          const peers = Object.fromEntries(names.map((peer) => [peer, ""]));
          return createReplica({
            name,
            peers,
            machine: new Counter(),
            transport: own,
            limits: { tickMs: 10 },
          });
        }),
      );
      await members[1]!.ready();
      expect(await members[1]!.propose({ add: 2 })).toBe(2);
      expect(members.map((member) => member.status().state)).toEqual(["open", "open", "open"]);
      await Promise.all(members.map((member) => member.close()));
    });
    expect(caught).toEqual([]);
  },
);

test("a machine with a kind that is no text, and a codec without a name, are refused", async () => {
  const machine = withMethods(new Counter(), { kind: 7 });
  expect(await failure(createReplica({ machine }))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  const codec = { encode: () => new Uint8Array(1), decode: () => ({ add: 1 }) } as never;
  expect(await failure(createReplica({ machine: new Counter(), codec }))).toMatchObject({
    code: "ERR_INVALID_ARGUMENT",
    details: { argument: "codec" },
  });
});
