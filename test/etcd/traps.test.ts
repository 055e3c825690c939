import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Compare, PutRequest, RangeRequest, RequestOp, TxnRequest } from "../../src/wire/kv-messages.ts";
import { METHODS } from "../../src/wire/services.ts";
import { RpcClient } from "./support/rpc-client.ts";
import { type ServedCluster, serveCluster } from "./support/served-cluster.ts";
import { type ServedStore, serveStore } from "./support/served-store.ts";
import { WatchClient } from "./support/watch-client.ts";

let served: ServedStore;
let client: RpcClient;

beforeAll(async () => {
  served = await serveStore({ progressNotifyMs: 100 }, { historyRevisions: Number.POSITIVE_INFINITY });
  client = new RpcClient(served.endpoint);
});

afterAll(async () => {
  client.close();
  await served.stop();
});

const put = (key: string, value = ""): Promise<number> =>
  client.ask(METHODS.put, { key, value }).then(({ header }) => header!.revision);
const putOp = (key: string): RequestOp => RequestOp.of({ requestPut: PutRequest.of({ key }) });
const nestedOp = (txn: Partial<TxnRequest>): RequestOp => RequestOp.of({ requestTxn: TxnRequest.of(txn) });

describe("requests", () => {
  it("1: a new store is at revision 1, and is compacted to 0 once", async () => {
    const fresh = await serveStore();
    const other = new RpcClient(fresh.endpoint);
    expect((await other.ask(METHODS.range, { key: "a" })).header!.revision).toBe(1);
    expect(await other.call(METHODS.compact, { revision: 2 })).toMatchObject({ code: 11 });
    expect(await other.call(METHODS.compact, { revision: 0 })).toHaveProperty("ok");
    expect(await other.call(METHODS.compact, { revision: 0 })).toMatchObject({ code: 11 });
    expect(await other.call(METHODS.compact, { revision: 1, physical: true })).toHaveProperty("ok");
    expect((await other.ask(METHODS.put, { key: "a" })).header!.revision).toBe(2);
    other.close();
    await fresh.stop();
  });

  it("8: a transaction has 128 operations, and what it leaves of them is for those within", async () => {
    const operations = (count: number) => Array.from({ length: count }, (_, at) => putOp(`ops/${at}`));
    expect(await client.call(METHODS.txn, { success: operations(128) })).toHaveProperty("ok");
    const tooMany = { code: 3, message: "etcdserver: too many operations in txn request" };
    expect(await client.call(METHODS.txn, { success: operations(129) })).toEqual(tooMany);
    const outer = (inner: number) => ({
      success: [nestedOp({ success: operations(inner) }), putOp("outer")],
    });
    expect(await client.call(METHODS.txn, outer(126))).toHaveProperty("ok");
    expect(await client.call(METHODS.txn, outer(127))).toEqual(tooMany);
  });

  it("9: a request of 1.5 MiB is agreed on, a larger one is not, and one of 2 MiB is not even read", async () => {
    const value = "x".repeat(1_572_864);
    expect(await client.call(METHODS.put, { key: "k", value: value.slice(20) })).toHaveProperty("ok");
    expect(await client.call(METHODS.put, { key: "k", value })).toEqual({
      code: 3,
      message: "etcdserver: request is too large",
    });
    expect(
      await client.call(METHODS.put, { key: "k", value: "x".repeat(2 * 1024 * 1024 + 1) }),
    ).toMatchObject({
      code: 8,
    });
  });

  it("10: no operation is an unknown key, and so is one whose value is to stay", async () => {
    const notFound = { code: 3, message: "etcdserver: key not found" };
    expect(await client.call(METHODS.txn, { success: [RequestOp.of({})] })).toEqual(notFound);
    expect(await client.call(METHODS.put, { key: "nobody", ignoreValue: true })).toEqual(notFound);
  });

  it("a comparison that is unknown is refused, and one with a number that cannot be is decided", async () => {
    const compare = (claim: Partial<Compare>) =>
      client.call(METHODS.txn, { compare: [Compare.of({ key: "nobody", ...claim })] });
    expect(await compare({ result: 9 })).toMatchObject({ code: 3 });
    expect(await compare({ target: 9 })).toMatchObject({ code: 3 });
    expect(await compare({ result: 1, version: -1 })).toMatchObject({ ok: { succeeded: true } });
    expect(await compare({ result: 2, version: 2 ** 62 })).toMatchObject({ ok: { succeeded: true } });
    expect(await compare({ result: 0, version: -5 })).toMatchObject({ ok: { succeeded: false } });
  });

  it("sorting is as etcd 3.6 has it: unknown orders are refused, and limits count what is sorted", async () => {
    await put("sort/a", "3");
    await put("sort/b", "2");
    await put("sort/c", "1");
    const sorted = RangeRequest.of({ key: "sort/", rangeEnd: "sort0", sortTarget: 4, limit: 1 });
    const { kvs, more, count } = await client.ask(METHODS.range, sorted);
    expect([kvs.map(({ key }) => key), more, count]).toEqual([["sort/c"], true, 3]);
    for (const wrong of [{ sortOrder: 7 }, { sortTarget: 7 }, { sortOrder: -1 }]) {
      expect(await client.call(METHODS.range, { key: "a", ...wrong })).toEqual({
        code: 3,
        message: "etcdserver: invalid sort option",
      });
    }
  });

  it("leases are compared as numbers, and none as 0", async () => {
    await client.ask(METHODS.leaseGrant, { id: "-14", ttl: 600 });
    await client.ask(METHODS.put, { key: "of a lease", lease: "-14" });
    const isLess = async (key: string, lease: string): Promise<boolean> => {
      const compare = [Compare.of({ key, target: 4, result: 2, lease })];
      return (await client.ask(METHODS.txn, { compare })).succeeded;
    };
    expect(await isLess("of a lease", "")).toBe(true);
    expect(await isLess("of a lease", "-100")).toBe(false);
    expect(await isLess("nobody", "5")).toBe(true);
  });

  it("where a transaction is wrong twice, keys are told before leases, and both before revisions", async () => {
    const txn = (...success: RequestOp[]) => client.call(METHODS.txn, { success });
    const future = RequestOp.of({ requestRange: RangeRequest.of({ key: "a", revision: 10_000_000 }) });
    const leased = RequestOp.of({ requestPut: PutRequest.of({ key: "x", lease: "404" }) });
    const both = RequestOp.of({
      requestPut: PutRequest.of({ key: "nobody", lease: "404", ignoreValue: true }),
    });
    expect(await txn(future, leased)).toMatchObject({ code: 5 });
    expect(await txn(future, both)).toMatchObject({ code: 3, message: "etcdserver: key not found" });
    expect(await client.call(METHODS.put, { key: "nobody", lease: "404", ignoreValue: true })).toMatchObject({
      code: 5,
    });
  });

  it("a delete with an open end and a put behind it are a double write, which etcd overlooks", async () => {
    const open = RequestOp.of({ requestDeleteRange: { key: "b", rangeEnd: "\0", prevKv: false } });
    expect(await client.call(METHODS.txn, { success: [open, putOp("c")] })).toMatchObject({
      code: 3,
      message: "etcdserver: duplicate key given in txn request",
    });
  });
});

describe("leases", () => {
  it("12: are lengthened to what outlives an election, and refused when too long", async () => {
    expect(await client.ask(METHODS.leaseGrant, { ttl: 1 })).toMatchObject({ ttl: 2, error: "" });
    expect(await client.ask(METHODS.leaseGrant, { ttl: -5 })).toMatchObject({ ttl: 2 });
    expect(await client.call(METHODS.leaseGrant, { ttl: 9_000_000_001 })).toEqual({
      code: 11,
      message: "etcdserver: too large lease TTL",
    });
    expect(await client.ask(METHODS.leaseTimeToLive, { id: "404" })).toMatchObject({
      id: "404",
      ttl: -1,
      grantedTtl: 0,
    });
  });

  it("12: that are unknown are kept alive for no time, on a stream that goes on", async () => {
    const { id } = await client.ask(METHODS.leaseGrant, { ttl: 60, id: "-9000" });
    const stream = client.stream(METHODS.leaseKeepAlive);
    const answers: unknown[] = [];
    const ended = new Promise((resolve) => stream.on("end", resolve));
    stream.on("data", (answer) => answers.push(answer));
    for (const asked of ["404", id, "405"]) stream.write({ id: asked });
    stream.end();
    await ended;
    expect(answers).toMatchObject([
      { id: "404", ttl: 0 },
      { id: "-9000", ttl: 60 },
      { id: "405", ttl: 0 },
    ]);
    expect(await client.call(METHODS.leaseGrant, { id, ttl: 60 })).toMatchObject({ code: 9 });
  });
});

describe("watches", () => {
  it("13: have ids from 0 on, or those that the client chose, which are free again after their end", async () => {
    const watch = new WatchClient(client);
    expect(await watch.create({ key: "ids" })).toMatchObject({ watchId: 0, created: true });
    expect(await watch.create({ key: "ids", watchId: 1 })).toMatchObject({ watchId: 1 });
    expect(await watch.create({ key: "ids" })).toMatchObject({ watchId: 2 });
    expect(await watch.create({ key: "ids", watchId: 1 })).toMatchObject({
      watchId: -1,
      created: true,
      canceled: true,
      cancelReason: "mvcc: duplicate watch ID provided on the WatchStream",
    });
    watch.cancel(77);
    watch.cancel(1);
    expect(await watch.next()).toMatchObject({ watchId: 1, canceled: true, cancelReason: "" });
    expect(await watch.create({ key: "ids", watchId: 1 })).toMatchObject({ watchId: 1, canceled: false });
    watch.close();
  });

  it("13: of nothing, or from before the beginning, are refused", async () => {
    const watch = new WatchClient(client);
    expect(await watch.create({ key: "b", rangeEnd: "a" })).toMatchObject({
      watchId: -1,
      canceled: true,
      cancelReason: "mvcc: watcher range is empty",
    });
    expect(await watch.create({ key: "b", startRevision: -1 })).toMatchObject({
      watchId: -1,
      canceled: true,
      cancelReason: "etcdserver: mvcc: required revision has been compacted",
    });
    watch.close();
  });

  it("13: from the compacted revision show a deletion at exactly that revision", async () => {
    await put("tombstone");
    const { header } = await client.ask(METHODS.deleteRange, { key: "tombstone" });
    const { revision } = header!;
    await client.ask(METHODS.compact, { revision, physical: true });
    const watch = new WatchClient(client);
    await watch.create({ key: "tombstone", startRevision: revision });
    expect((await watch.events(1))[0]).toMatchObject({
      type: 1,
      kv: { key: "tombstone", modRevision: revision },
    });
    watch.close();
  });

  it("14: are told of a revision in one response, or in fragments that follow each other", async () => {
    const value = "x".repeat(100_000);
    const puts = Array.from({ length: 15 }, (_, at) =>
      RequestOp.of({ requestPut: PutRequest.of({ key: `big/${at}`, value: value.slice(at) }) }),
    );
    const small = await serveStore({ requestBytesMax: 1_572_864 });
    const other = new RpcClient(small.endpoint);
    const [whole, parted] = [new WatchClient(other), new WatchClient(other)];
    await whole.create({ key: "big/", rangeEnd: "big0", prevKv: true });
    await parted.create({ key: "big/", rangeEnd: "big0", prevKv: true, fragment: true });
    for (let round = 0; round < 2; round++) await other.ask(METHODS.txn, { success: puts });
    expect((await whole.next()).events).toHaveLength(15);
    expect((await whole.next()).events).toHaveLength(15);
    expect(await parted.next()).toMatchObject({ fragment: false });
    const [first, second] = [await parted.next(), await parted.next()];
    expect([first.fragment, second.fragment]).toEqual([true, false]);
    expect(first.events.length + second.events.length).toBe(15);
    for (const watch of [whole, parted]) watch.close();
    other.close();
    await small.stop();
  });

  it("leave out what is filtered, and tell progress all the same", async () => {
    const watch = new WatchClient(client);
    await watch.create({ key: "filtered", filters: [0], progressNotify: true });
    await put("filtered");
    await client.ask(METHODS.deleteRange, { key: "filtered" });
    expect((await watch.events(1))[0]).toMatchObject({ type: 1 });
    const progress = await watch.next();
    expect(progress).toMatchObject({ watchId: 0, events: [], created: false, canceled: false });
    expect(progress.header!.revision).toBeGreaterThan(1);
    watch.close();
  });

  it("lose nothing while their client does not read, and nothing is sent to it meanwhile", async () => {
    const watch = new WatchClient(client);
    await watch.create({ key: "slow/", rangeEnd: "slow0" });
    watch.pause();
    const value = "x".repeat(200_000);
    const sent = async (): Promise<number> => {
      const page = await (await fetch(`http://${served.endpoint}/metrics`)).text();
      return Number(/^grpc_server_msg_sent_total\{.*"Watch"\} (\d+)$/m.exec(page)![1]);
    };
    const before = await sent();
    for (let at = 0; at < 200; at++) await put(`slow/${at % 3}`, value);
    expect((await sent()) - before).toBeLessThan(50);
    watch.resume();
    const events = await watch.events(200);
    expect(events).toHaveLength(200);
    expect(events.map(({ kv }) => kv!.modRevision)).toEqual(
      events.map(({ kv }) => kv!.modRevision).toSorted((one, other) => one - other),
    );
    watch.close();
  });
});

describe("maintenance", () => {
  it("18: some answers tell no revision, and some have no header at all", async () => {
    const { header } = await client.ask(METHODS.memberList, { linearizable: true });
    expect(header).toMatchObject({ revision: 0, memberId: BigInt(served.store.status().id) });
    expect((await client.ask(METHODS.defragment, {})).header).toBeNull();
    expect((await client.ask(METHODS.moveLeader, { targetId: header!.memberId })).header).toBeNull();
    expect(await client.call(METHODS.moveLeader, { targetId: 7n })).toMatchObject({ code: 9 });
  });

  it("19: a snapshot ends with the sum of what came before, and is 32 bytes above a multiple of 512", async () => {
    for (let at = 0; at < 300; at++) await put(`snapshot/${at}`, "x".repeat(1_000));
    const outcome = await client.collect(METHODS.snapshot, {});
    const parts = "ok" in outcome ? outcome.ok : [];
    const blobs = parts.map(({ blob }) => blob);
    expect(blobs.reduce((sum, { length }) => sum + length, 0) % 512).toBe(32);
    expect(Math.max(...blobs.map(({ length }) => length))).toBeLessThanOrEqual(32 * 1024);
    const hash = createHash("sha256");
    for (const blob of blobs.slice(0, -1)) hash.update(blob);
    expect(Buffer.from(blobs.at(-1)!)).toEqual(hash.digest());
    expect(parts.every(({ version }) => version === "3.6.11")).toBe(true);
    expect(parts.map(({ remainingBytes }) => remainingBytes).at(-1)).toBe(0n);
    expect(parts.slice(0, -1).every(({ remainingBytes }) => remainingBytes > 0n)).toBe(true);
  });

  it("20: without space puts and leases are refused, and what gives space back is not", async () => {
    const full = await serveStore({}, { quotaBytes: 20_000 });
    const other = new RpcClient(full.endpoint);
    const noSpace = { code: 8, message: "etcdserver: mvcc: database space exceeded" };
    await expect
      .poll(() => other.call(METHODS.put, { key: "big", value: "x".repeat(5_000) }))
      .toEqual(noSpace);
    expect(await other.call(METHODS.leaseGrant, { ttl: 10 })).toEqual(noSpace);
    expect(await other.call(METHODS.txn, { failure: [putOp("a")] })).toEqual(noSpace);
    expect(await other.call(METHODS.range, { key: "big" })).toHaveProperty("ok");
    expect((await other.ask(METHODS.alarm, {})).alarms).toMatchObject([{ alarm: 1 }]);
    expect((await other.ask(METHODS.status, {})).errors[0]).toMatch(/^memberID:\d+ alarm:NOSPACE $/);
    expect(await other.call(METHODS.deleteRange, { key: "big" })).toHaveProperty("ok");
    other.close();
    await full.stop();
  });

  it("24: versions are those of etcd", async () => {
    expect(await client.ask(METHODS.status, {})).toMatchObject({
      version: "3.6.11",
      storageVersion: "3.6.0",
    });
  });

  it("hashes at a revision, and of nothing that is gone", async () => {
    const revision = await put("hashed", "1");
    const { hash } = await client.ask(METHODS.hashKv, { revision });
    await put("hashed", "2");
    expect(await client.ask(METHODS.hashKv, { revision })).toMatchObject({ hash, hashRevision: revision });
    expect((await client.ask(METHODS.hashKv, {})).hash).not.toBe(hash);
    expect(await client.call(METHODS.hashKv, { revision: revision + 100 })).toMatchObject({ code: 11 });
    expect((await client.ask(METHODS.hash, {})).hash).toBeGreaterThan(0);
  });

  it("downgrades nothing", async () => {
    expect(await client.call(METHODS.downgrade, { version: "3.5" })).toMatchObject({
      message: "etcdserver: invalid downgrade target version",
    });
    expect(await client.call(METHODS.downgrade, { version: "old" })).toMatchObject({
      message: "etcdserver: wrong downgrade target version format",
    });
    expect(await client.call(METHODS.downgrade, { action: 2 })).toMatchObject({
      message: "etcdserver: no inflight downgrade job",
    });
  });

  it("answers gRPC's own question for health", async () => {
    expect(await client.ask(METHODS.healthCheck, {})).toEqual({ status: 1 });
    expect(await client.call(METHODS.healthCheck, { service: "other" })).toMatchObject({ code: 5 });
  });
});

describe("locks and elections of the server", () => {
  it("lets the second in when the first leaves, and forgets who gave up waiting", async () => {
    const grant = () => client.ask(METHODS.leaseGrant, { ttl: 60 }).then(({ id }) => id);
    const [one, two] = [await grant(), await grant()];
    const first = await client.ask(METHODS.lock, { name: "door", lease: one });
    expect(first.key).toBe(`door/${BigInt(one).toString(16)}`);
    const second = client.ask(METHODS.lock, { name: "door", lease: two });
    await client.ask(METHODS.unlock, { key: first.key });
    expect((await second).key).toBe(`door/${BigInt(two).toString(16)}`);
    expect(await client.call(METHODS.lock, { name: "door", lease: "404" })).toEqual({
      code: 2,
      message: "etcdserver: requested lease not found",
    });
  });

  it("leaves what a candidate proclaimed, where its lease locks under the same name", async () => {
    const { id: lease } = await client.ask(METHODS.leaseGrant, { ttl: 60 });
    const { leader } = await client.ask(METHODS.campaign, { name: "both", lease, value: "anna" });
    const again = await client.ask(METHODS.campaign, { name: "both", lease, value: "bert" });
    expect(again.leader).toEqual(leader);
    await client.ask(METHODS.lock, { name: "both", lease });
    expect((await client.ask(METHODS.leader, { name: "both" })).kv).toMatchObject({
      value: "bert",
      version: 2,
    });
    const impossible = { leader: { ...leader!, rev: -1 }, value: "x" };
    expect(await client.call(METHODS.proclaim, impossible)).toMatchObject({
      message: "election: not leader",
    });
  });

  it("elects, proclaims, and tells whoever observes", async () => {
    const { id: lease } = await client.ask(METHODS.leaseGrant, { ttl: 60 });
    expect(await client.call(METHODS.leader, { name: "chair" })).toEqual({
      code: 2,
      message: "election: no leader",
    });
    const { leader } = await client.ask(METHODS.campaign, { name: "chair", lease, value: "anna" });
    expect(leader).toMatchObject({ name: "chair", lease });
    expect((await client.ask(METHODS.leader, { name: "chair" })).kv).toMatchObject({ value: "anna" });
    await client.ask(METHODS.proclaim, { leader, value: "anna II" });
    expect((await client.ask(METHODS.leader, { name: "chair" })).kv).toMatchObject({ value: "anna II" });
    await client.ask(METHODS.resign, { leader });
    expect(await client.call(METHODS.proclaim, { leader, value: "x" })).toEqual({
      code: 2,
      message: "election: not leader",
    });
    expect(await client.call(METHODS.resign, {})).toEqual({
      code: 2,
      message: '"leader" field must be provided',
    });
  });
});

describe("without a leader", () => {
  let cluster: ServedCluster;

  beforeAll(async () => {
    cluster = await serveCluster(["n1", "n2", "n3"]);
  });

  afterAll(() => cluster.stop());

  it("17, 23: who requires one is turned away, running streams too, and status is still told", async () => {
    const member = cluster.members.find((one) => one !== cluster.leader())!;
    const other = new RpcClient(member.endpoint);
    const [requiring, patient] = [new WatchClient(other, { hasleader: "true" }), new WatchClient(other)];
    await requiring.create({ key: "a" });
    await patient.create({ key: "a" });
    const ended = requiring.end();

    const { name } = member.store.status();
    for (const peer of ["n1", "n2", "n3"]) if (peer !== name) cluster.network.cut(name, peer);
    await expect.poll(() => member.store.status().leader, { timeout: 10_000 }).toBeUndefined();

    const noLeader = { code: 14, message: "etcdserver: no leader" };
    expect(await other.call(METHODS.range, { key: "a" }, { hasleader: "true" })).toEqual(noLeader);
    expect(await ended).toMatchObject({ code: 14, details: "etcdserver: no leader" });
    expect(await other.call(METHODS.range, { key: "a", serializable: true })).toHaveProperty("ok");
    const status = await other.ask(METHODS.status, {});
    expect(status).toMatchObject({ leader: 0n, errors: ["etcdserver: no leader"] });
    expect(await other.call(METHODS.range, { key: "a" })).toEqual({
      code: 14,
      message: "etcdserver: request timed out",
    });

    cluster.network.healAll();
    await expect.poll(() => other.call(METHODS.put, { key: "a" }), { timeout: 20_000 }).toHaveProperty("ok");
    expect((await patient.events(1))[0]!.kv!.key).toBe("a");
    for (const watch of [requiring, patient]) watch.close();
    other.close();
  }, 60_000);
});
