/** The traps that etcd's contract sets for those who rebuild it, as far as they are not about the wire, each with its number. */
import { expect, test } from "vitest";
import { Kv } from "../../src/kv/kv.ts";
import type { Command, Compare, Operation, TxnCommand } from "../../src/kv/machine/command.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { TXN_OPERATIONS_MAX, TXN_RANGE_KEYS_MAX, TXN_TOTAL_MAX } from "../../src/kv/machine/limits.ts";
import type { KvResult } from "../../src/kv/machine/result.ts";
import { ALL_KEYS, singleKey } from "../../src/kv/mvcc/key-range.ts";
import type { WatchedChange, Watcher } from "../../src/kv/mvcc/watch-hub.ts";
import { open } from "../../src/open.ts";
import { Applying, HandClock, LoneReplica, rejection, settled } from "./support.ts";

const put = (key: string, value = "", lease = "") => ({ kind: "put", key, value, lease }) as const;
const remove = (from: string, to: string | null = `${from}\0`) =>
  ({ kind: "delete", range: { from, to } }) as const;
const range = (revision: number | null, limit = 0) =>
  ({ kind: "range", range: ALL_KEYS, revision, limit, reverse: false, selection: null }) as const;
const txn = (success: readonly Operation[], failure: readonly Operation[] = []): TxnCommand => {
  return { kind: "txn", compares: [], success, failure };
};
const compact = (revision: number): Command => ({ kind: "compact", revision });
const grant = (lease: string, ttlMs = 60_000): Command => ({ kind: "lease-grant", lease, ttlMs });
const revoke = (lease: string): Command => ({ kind: "lease-revoke", lease, renewedAt: null });

const outcome = (result: KvResult) => (result.kind === "refused" ? result.code : "ok");

function machine(...commands: Command[]) {
  const applying = new Applying(new KvMachine());
  applying.batch(commands);
  return {
    applying,
    store: applying.machine.store,
    code: (command: Command) => outcome(applying.one(command)),
    /** How far the revision moves. */
    moves: (command: Command) => {
      const before = applying.machine.store.revision;
      return applying.one(command).revision - before;
    },
    read: (revision: number) => applying.machine.query({ kind: "range", range: ALL_KEYS, revision }),
  };
}

function opened() {
  const clock = new HandClock();
  const state = new KvMachine();
  return { clock, machine: state, kv: Kv.over(new LoneReplica(state, clock), state) };
}

test("trap 1: a fresh store is at revision 1, the first put makes 2; each compaction is done once, none lies ahead", () => {
  expect(machine().store.revision).toBe(1);
  expect(machine().applying.one(put("a")).revision).toBe(2);
  const { code } = machine();
  expect([code(compact(0)), code(compact(0))]).toEqual(["ok", "ERR_COMPACTED"]);
  expect(machine().code(compact(1))).toBe("ok");
  expect(machine().code(compact(2))).toBe("ERR_FUTURE_REVISION");
});

test("trap 2: what changes nothing makes no revision, and a put of the same value makes one", () => {
  const { moves } = machine(grant("L"), put("a", "same"));
  const missing: Compare = { range: singleKey("x"), target: "version", relation: "greater", operand: 0 };
  expect(moves(remove("x"))).toBe(0);
  expect(moves({ kind: "txn", compares: [missing], success: [put("a")], failure: [] })).toBe(0);
  expect(moves(revoke("L"))).toBe(0);
  expect(moves(put("a", "same"))).toBe(1);
});

test("trap 3: a transaction that fails and one that only reads tell the store's revision", async () => {
  const { kv } = opened();
  await kv.put("a", "1");
  expect(
    await kv
      .txn()
      .when((key) => key("a").missing())
      .do((op) => [op.delete("a")])
      .commit(),
  ).toMatchObject({
    ok: false,
    revision: 2,
  });
  expect(
    await kv
      .txn()
      .do((op) => [op.get("a")])
      .commit(),
  ).toMatchObject({ ok: true, revision: 2 });
});

test("trap 4: old revisions show old keys under the present revision; compacted and future ones are refused, in transactions too", () => {
  const { read, code } = machine(put("a", "1"), put("a", "2"), put("a", "3"), compact(3));
  expect(read(3)).toMatchObject({ revision: 4, versions: [{ value: "2" }] });
  expect(read(2)).toMatchObject({ code: "ERR_COMPACTED" });
  expect(read(5)).toMatchObject({ code: "ERR_FUTURE_REVISION" });
  expect(code(txn([range(3)]))).toBe("ok");
  expect(code(txn([range(2)]))).toBe("ERR_COMPACTED");
  // Judged by the state before the transaction, though it makes revision 5 itself.
  expect(code(txn([put("b"), range(5)]))).toBe("ERR_FUTURE_REVISION");
});

test("trap 5: a count is of the whole range, whatever limit, filters and place to go on from", async () => {
  const { kv } = opened();
  for (const key of ["a", "b", "c", "d"]) await kv.put(key, "");
  const counted = async (scan: ReturnType<typeof kv.range>) =>
    (await scan.page({ limit: 1, count: true })).count;
  expect(await counted(kv.range())).toBe(4);
  expect(await counted(kv.range({ all: true, minModRevision: 4 }))).toBe(4);
  // With a start key the range itself begins later, as Kubernetes asks.
  expect(await counted(kv.range({ gt: "b" }))).toBe(2);
});

test("trap 6: a claim about the value of a missing key never holds, and its numbers are 0", async () => {
  const { kv } = opened();
  type Claim = Parameters<ReturnType<typeof kv.txn>["when"]>[0];
  const holds = async (claim: Claim) => (await kv.txn().when(claim).commit()).ok;
  for (const relation of ["eq", "ne", "lt", "gt"] as const)
    expect(await holds((key) => key("x").value[relation](""))).toBe(false);
  for (const field of ["version", "createRevision", "modRevision"] as const)
    expect(await holds((key) => key("x")[field].eq(0))).toBe(true);
});

test("trap 7: a key is written once in a branch; deletes may overlap, branches may share keys", () => {
  const { code } = machine(put("k"));
  expect(code(txn([put("k"), remove("k")]))).toBe("ERR_DUPLICATE_KEY");
  expect(code(txn([remove("a", "z"), remove("b")]))).toBe("ok");
  expect(code(txn([txn([put("k")], [put("k")])]))).toBe("ok");
  expect(code(txn([put("k"), txn([put("k")])]))).toBe("ERR_DUPLICATE_KEY");
  // Where etcd looks away: an open end covers everything behind its start.
  expect(code(txn([remove("b", null), put("c")]))).toBe("ERR_DUPLICATE_KEY");
});

test("trap 8: operations have a limit that nesting shares, one over all depths, and one on the keys that are read", () => {
  const { code } = machine();
  const many = (count: number) => Array.from({ length: count }, (_, at) => remove(`k${at}`));
  expect(code(txn(many(TXN_OPERATIONS_MAX)))).toBe("ok");
  expect(code(txn(many(TXN_OPERATIONS_MAX + 1)))).toBe("ERR_TOO_LARGE");
  expect(code(txn([...many(23), txn(many(TXN_OPERATIONS_MAX - 24))]))).toBe("ok");
  expect(code(txn([...many(23), txn(many(TXN_OPERATIONS_MAX - 23))]))).toBe("ERR_TOO_LARGE");
  const wide = Array.from({ length: TXN_TOTAL_MAX / 512 }, () => txn(many(511)));
  expect(code(txn(wide))).toBe("ok");
  expect(code(txn([...wide, remove("k")]))).toBe("ERR_TOO_LARGE");

  const full = machine(...Array.from({ length: TXN_RANGE_KEYS_MAX / 2 }, (_, at) => put(`k${at}`)));
  expect(full.code(txn([range(null), txn([range(null)])]))).toBe("ok");
  expect(full.code(txn([range(null), range(null), range(null, 1)]))).toBe("ERR_TOO_LARGE");
});

test("trap 9: a command has a largest size, and above it nothing happens", async () => {
  const store = await open({ limits: { commandBytesMax: 1_572_864 } });
  await store.ready();
  expect(await rejection(store.put("a", "x".repeat(1_572_865)))).toMatchObject({
    code: "ERR_TOO_LARGE",
    outcome: "none",
  });
  await store.put("a", "x".repeat(1_500_000));
  expect(store.metrics().revision).toBe(2);
  await store.close();
});

test("trap 10: keeping the value or lease of a missing key is refused, and so is an operation that is none", () => {
  const { applying, code } = machine();
  expect(code({ kind: "put", key: "a", value: null, lease: "" })).toBe("ERR_KEY_NOT_FOUND");
  expect(code({ kind: "put", key: "a", value: "", lease: null })).toBe("ERR_KEY_NOT_FOUND");
  const unset = encodeCommand(txn([put("a")])).map((byte) => (byte === 1 ? 99 : byte));
  expect(outcome(applying.bytes(unset))).toBe("ERR_INVALID_ARGUMENT");
});

test("trap 11: a put decides on the lease anew, a deletion lets go of it, a revoke takes all its keys in one revision, in order", () => {
  const { applying, store, moves } = machine(
    grant("L"),
    put("c", "", "L"),
    put("a", "", "L"),
    put("b", "", "L"),
  );
  applying.batch([put("c"), remove("b"), put("b")]);
  expect(store.get("c")?.lease).toBe("");
  expect([...applying.machine.leases.get("L")!.keys]).toEqual(["a"]);
  applying.batch([put("c", "", "L"), put("b", "", "L")]);
  const { watcher, told } = watching(applying, null);
  expect(moves(revoke("L"))).toBe(1);
  expect(told().map(({ change }) => [change.key, change.modRevision])).toEqual(
    ["a", "b", "c"].map((key) => [key, store.revision]),
  );
  watcher.close();
});

test("trap 12: short leases are lengthened, unknown ones have no time, an id is granted once", async () => {
  const { applying, code } = machine(grant("L"));
  expect(applying.one(grant("short", 1))).toMatchObject({ ttlMs: 500 });
  expect(applying.one({ kind: "lease-keep-alive", leases: ["L", "unknown"] })).toMatchObject({
    ttlsMs: [60_000, 0],
  });
  expect(code(grant("L"))).toBe("ERR_LEASE_EXISTS");
  expect(code(grant("long", 9e12 + 1))).toBe("ERR_INVALID_ARGUMENT");
  expect(await opened().kv.leaseInfo("unknown")).toBeUndefined();
});

test("trap 13: a watch may begin at the compacted revision, not below; one that begins ahead is silent until then", () => {
  const { applying } = machine(put("a"), put("b"), remove("a"), compact(4));
  expect(
    watching(applying, 4)
      .told()
      .map(({ change }) => [change.key, change.version]),
  ).toEqual([["a", 0]]);
  expect(watching(applying, 3).watcher.take()).toEqual({
    kind: "compacted",
    revision: 3,
    compactRevision: 4,
  });
  const ahead = watching(applying, 6);
  applying.one(put("c"));
  expect([ahead.told(), ahead.watcher.progress]).toEqual([[], undefined]);
  applying.one(put("d"));
  expect(ahead.told().map(({ change }) => change.key)).toEqual(["d"]);
});

test("trap 14: the events of one revision come in one batch, live and from the history, however small the steps", () => {
  const { applying } = machine();
  const live = watching(applying, null, 1);
  const wide = Array.from({ length: 1000 }, (_, at) => put(`k${at}`));
  for (let round = 0; round < 3; round++) applying.one(txn(wide));
  for (const { watcher } of [live, watching(applying, 1)]) {
    for (let batch = watcher.take(); batch?.kind === "changes"; batch = watcher.take()) {
      expect(batch.changes.length % 1000).toBe(0);
    }
    expect(watcher.progress).toBe(4);
  }
});

test("trap 15: what was there before comes with puts, deletes and the end of a lease; not with creations, nor once compacted", () => {
  const { applying } = machine(grant("L"), put("a", "1"));
  const before = watching(applying, 1);
  applying.one(put("b", "1", "L"));
  applying.one(txn([put("a", "2"), remove("b")]));
  applying.batch([put("b", "3", "L"), revoke("L")]);
  expect(
    before.told().map(({ change, previous }) => [change.key, change.modRevision, previous?.value ?? null]),
  ).toEqual([
    ["a", 2, null],
    ["b", 3, null],
    ["a", 4, "1"],
    ["b", 4, "1"],
    ["b", 5, null],
    ["b", 6, "3"],
  ]);
  applying.one(compact(4));
  expect(watching(applying, 4).told()[0]).toMatchObject({ change: { key: "a", value: "2" }, previous: null });
});

test("trap 16: progress comes behind the events that it covers, and only in quiet times", async () => {
  const { kv, clock } = opened();
  const told: (string | number)[] = [];
  const watch = kv.watch({ all: true, progress: true });
  watch.on("progress", (revision) => told.push(revision));
  watch.on("put", ({ key }) => told.push(key));
  await kv.put("a", "");
  expect(watch.progress).toBe(1);
  await clock.pass(10_000);
  expect(told).toEqual(["a"]);
  await clock.pass(10_000);
  expect(told).toEqual(["a", 2]);
  await kv.put("b", "");
  await settled();
  expect(told).toEqual(["a", 2, "b"]);
  await watch.close();
});

test("trap 20: without space nothing grows, until the alarm is lowered", () => {
  const { code } = machine(put("a"), { kind: "alarm", alarm: "no-space", member: 1, isRaised: true });
  expect([put("b"), txn([put("b")]), grant("L")].map(code)).toEqual(Array(3).fill("ERR_NO_SPACE"));
  expect([remove("a"), txn([remove("a")]), compact(2)].map(code)).toEqual(Array(3).fill("ok"));
  expect(code({ kind: "alarm", alarm: "no-space", member: 1, isRaised: false })).toBe("ok");
  expect(code(put("b"))).toBe("ok");
});

test("trap 23: without a leader a member tells its state, and reads wait and fail", async () => {
  const store = await open({
    name: "n1",
    peers: { n1: "127.0.0.1:0", n2: "127.0.0.1:9", n3: "127.0.0.1:9" },
  });
  expect(store.status()).toMatchObject({ leader: undefined, revision: 1 });
  expect(store.metrics()).toMatchObject({ hasLeader: 0 });
  expect((await rejection(store.get("a", { timeoutMs: 50 }))).code).toMatch(/ERR_TIMEOUT|ERR_NO_QUORUM/);
  expect(await store.get("a", { consistency: "stale" })).toBeUndefined();
  await store.close();
});

function watching(applying: Applying, from: number | null, pendingMax?: number) {
  const request = { range: ALL_KEYS, from, previous: true, pendingMax };
  const watcher: Watcher = applying.machine.watches.watch(request, () => {});
  const told = (): WatchedChange[] => {
    const changes: WatchedChange[] = [];
    for (let batch = watcher.take(); batch?.kind === "changes"; batch = watcher.take())
      changes.push(...batch.changes);
    return changes;
  };
  return { watcher, told };
}
