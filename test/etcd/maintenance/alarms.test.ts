import { afterEach, describe, expect, test } from "vitest";
import { partsOf } from "../../../src/store.ts";
import { METHODS } from "../../../src/wire/services.ts";
import { page } from "../support/http.ts";
import { type Outcome, RpcClient } from "../support/rpc-client.ts";
import { type ServedCluster, serveCluster } from "../support/served-cluster.ts";
import { type ServedStore, serveStore } from "../support/served-store.ts";

const NO_SPACE = 1;
const CORRUPT = 2;
const ACTIVATE = 1;
const DEACTIVATE = 2;

const message = (outcome: Outcome<unknown>): string => ("message" in outcome ? outcome.message : "");

describe("the alarm about space", () => {
  let served: ServedStore;
  let client: RpcClient;
  afterEach(async () => {
    client.close();
    await served.stop();
  });

  const fill = async (): Promise<void> => {
    const value = "x".repeat(10_000);
    await expect
      .poll(async () => message(await client.call(METHODS.put, { key: "full", value })), { timeout: 20_000 })
      .toBe("etcdserver: mvcc: database space exceeded");
  };
  const alarms = async () => (await client.ask(METHODS.alarm, {})).alarms;

  test("stands until it is lowered, also when there is space again, where history is the operator's to give up", {
    timeout: 30_000,
  }, async () => {
    served = await serveStore({}, { quotaBytes: 100_000, historyRevisions: Number.POSITIVE_INFINITY });
    client = new RpcClient(served.endpoint);
    await fill();
    const memberId = BigInt(served.store.status().id);
    expect(await alarms()).toEqual([{ memberId, alarm: NO_SPACE }]);

    await client.ask(METHODS.deleteRange, { key: "full" });
    await client.ask(METHODS.compact, { revision: served.store.status().revision, physical: true });
    expect(served.store.metrics().heldBytes).toBeLessThan(50_000);
    expect(await client.call(METHODS.put, { key: "a" })).toMatchObject({ code: 8 });
    expect(await page(`http://${served.endpoint}/health`)).toEqual({
      status: 503,
      text: '{"health":"false","reason":"ALARM NOSPACE"}\n',
    });

    const lower = { action: DEACTIVATE, alarm: NO_SPACE, memberId };
    expect((await client.ask(METHODS.alarm, { ...lower, memberId: 7n })).alarms).toEqual([]);
    expect(await alarms()).toHaveLength(1);
    expect((await client.ask(METHODS.alarm, lower)).alarms).toEqual([{ memberId, alarm: NO_SPACE }]);
    expect((await client.ask(METHODS.alarm, lower)).alarms).toEqual([]);
    await client.ask(METHODS.put, { key: "a" });
    expect(await page(`http://${served.endpoint}/health`)).toMatchObject({ status: 200 });
  });

  test("is lowered by a store that gives up its history by itself", { timeout: 50_000 }, async () => {
    served = await serveStore({}, { quotaBytes: 100_000, historyRevisions: 10 });
    client = new RpcClient(served.endpoint);
    await fill();
    await expect.poll(alarms, { timeout: 20_000 }).toEqual([]);
    await client.ask(METHODS.put, { key: "a" });
  });

  test("can be raised about members only, and asked for by its kind", async () => {
    served = await serveStore({}, { historyRevisions: Number.POSITIVE_INFINITY });
    client = new RpcClient(served.endpoint);
    const unknown = await client.call(METHODS.alarm, { action: ACTIVATE, alarm: NO_SPACE, memberId: 99n });
    expect(message(unknown)).toBe("etcdserver: member not found");
    for (const alarm of [NO_SPACE, CORRUPT]) {
      expect((await client.ask(METHODS.alarm, { action: ACTIVATE, alarm })).alarms).toEqual([
        { memberId: 0n, alarm },
      ]);
      expect((await client.ask(METHODS.alarm, { alarm })).alarms).toEqual([{ memberId: 0n, alarm }]);
    }
    expect((await client.ask(METHODS.status, {})).errors).toEqual([
      "memberID:0 alarm:NOSPACE ",
      "memberID:0 alarm:CORRUPT ",
    ]);
    expect((await page(`http://${served.endpoint}/health?exclude=NOSPACE`)).text).toContain("ALARM CORRUPT");
    expect((await client.ask(METHODS.alarm, { action: ACTIVATE, alarm: 0 })).alarms).toEqual([]);
  });
});

describe("the alarm about corruption", () => {
  let cluster: ServedCluster;
  afterEach(() => cluster.stop());

  test.each(["leader", "follower"] as const)(
    "is raised when the %s's state has come apart: clients neither read nor write until it is lowered",
    async (role) => {
      cluster = await serveCluster(["n1", "n2", "n3"], {}, { limits: { checkpointEntries: 20 } });
      const leader = cluster.leader();
      const wrong = role === "leader" ? leader : cluster.members.find((member) => member !== leader)!;
      const other = cluster.members.find((member) => member !== wrong)!;
      const memberId = BigInt(wrong.store.status().id);
      const client = new RpcClient(other.endpoint);
      await client.ask(METHODS.put, { key: "a", value: "1" });
      const { leases } = partsOf(wrong.store)!.host.machine;
      leases.add("5", 60_000, 60_000, 1);

      const put = () => client.call(METHODS.put, { key: "a", value: "2" });
      await expect
        .poll(async () => message(await put()), { timeout: 30_000, interval: 5 })
        .toBe("etcdserver: corrupt cluster");
      expect((await client.ask(METHODS.alarm, { alarm: CORRUPT })).alarms).toEqual([
        { memberId, alarm: CORRUPT },
      ]);
      const compare = { compare: [{ key: "a" }] };
      for (const [method, request] of [
        [METHODS.range, { key: "a" }],
        [METHODS.range, { key: "a", serializable: true }],
        [METHODS.deleteRange, { key: "a" }],
        [METHODS.txn, compare],
        [METHODS.txn, { ...compare, success: [{ requestPut: { key: "b" } }] }],
        [METHODS.compact, { revision: 2 }],
        [METHODS.leaseGrant, { ttl: 60 }],
        [METHODS.leaseRevoke, { id: "7" }],
      ] as const) {
        const refused = await client.call(method as typeof METHODS.range, request as never);
        expect(refused, method.path).toMatchObject({ code: 15, message: "etcdserver: corrupt cluster" });
      }
      expect(await page(`http://${other.endpoint}/readyz`)).toMatchObject({
        status: 503,
        text: expect.stringContaining("[-]data_corruption failed: alarm activated: CORRUPT"),
      });
      // The program itself decides for itself what it does.
      await other.store.put("b", "1");

      await client.ask(METHODS.alarm, { action: DEACTIVATE, alarm: CORRUPT, memberId });
      expect(await put()).toHaveProperty("ok");
      expect(await page(`http://${other.endpoint}/readyz`)).toMatchObject({ status: 200 });
      client.close();
    },
    60_000,
  );
});
