import { Etcd3, EtcdLockFailedError } from "etcd3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServedStore, serveStore } from "./support/served-store.ts";

let served: ServedStore;
let client: Etcd3;

beforeAll(async () => {
  served = await serveStore();
  client = new Etcd3({ hosts: served.endpoint });
});

afterAll(async () => {
  client.close();
  await served.stop();
});

describe("the etcd3 package", () => {
  it("puts, gets, lists and deletes", async () => {
    await client.put("fruit/apple").value("red");
    await client.put("fruit/pear").value("green");
    expect(await client.get("fruit/apple").string()).toBe("red");
    expect(await client.get("nothing")).toBeNull();
    expect(await client.getAll().prefix("fruit/").strings()).toEqual({
      "fruit/apple": "red",
      "fruit/pear": "green",
    });
    expect(await client.getAll().prefix("fruit/").sort("Key", "Descend").limit(1).keys()).toEqual([
      "fruit/pear",
    ]);
    expect(await client.getAll().prefix("fruit/").count()).toBe(2);
    expect((await client.delete().prefix("fruit/")).deleted).toBe("2");
  });

  it("compares and writes in one step", async () => {
    const attempt = () =>
      client
        .if("once", "Create", "==", 0)
        .then(client.put("once").value("1"))
        .else(client.get("once"))
        .commit();
    expect((await attempt()).succeeded).toBe(true);
    const second = await attempt();
    expect(second.succeeded).toBe(false);
    expect(second.responses[0]!.response_range.kvs[0]!.value.toString()).toBe("1");
  });

  it("watches keys and prefixes", async () => {
    const watcher = await client.watch().prefix("seen/").create();
    const changes: string[] = [];
    const three = new Promise<void>((resolve) => {
      const note = (text: string): void => {
        changes.push(text);
        if (changes.length === 3) resolve();
      };
      watcher.on("put", ({ key, value }) => note(`${key}=${value}`));
      watcher.on("delete", ({ key }) => note(`-${key}`));
    });
    await client.put("seen/a").value("1");
    await client.put("seen/b").value("2");
    await client.delete().key("seen/a");
    await three;
    expect(changes).toEqual(["seen/a=1", "seen/b=2", "-seen/a"]);
    await watcher.cancel();
  });

  it("holds keys by leases", async () => {
    const lease = client.lease(60);
    await lease.put("leased").value("x");
    await lease.keepaliveOnce();
    expect(await client.get("leased").string()).toBe("x");
    await lease.revoke();
    expect(await client.get("leased")).toBeNull();
  });

  it("locks", async () => {
    const first = client.lock("door");
    await first.acquire();
    await expect(client.lock("door").acquire()).rejects.toBeInstanceOf(EtcdLockFailedError);
    await first.release();
    await client.lock("door").do(async () => {});
  });

  it("elects", async () => {
    const election = client.election("chair", 10);
    const observer = await election.observe();
    const campaign = election.campaign("anna");
    await new Promise((resolve) => campaign.once("elected", resolve));
    await expect.poll(() => observer.leader()).toBe("anna");
    expect(await election.leader()).toBe("anna");
    await campaign.resign();
    await observer.cancel();
  });

  it("runs its own transactional memory", async () => {
    await client.put("balance").value(5);
    await Promise.all(
      [1, 2, 3].map((amount) =>
        client.stm().transact(async (tx) => {
          const balance = await tx.get("balance").number();
          await tx.put("balance").value(balance! - amount);
        }),
      ),
    );
    expect(await client.get("balance").number()).toBe(-1);
  });

  it("asks for maintenance", async () => {
    expect((await client.maintenance.status()).version).toBe("3.6.11");
    expect((await client.cluster.memberList({ linearizable: true })).members).toHaveLength(1);
  });
});
