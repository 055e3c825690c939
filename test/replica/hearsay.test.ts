import { afterEach, expect, test } from "vitest";
import { freePorts } from "../../examples/kubernetes/free-ports.ts";
import { systemClock } from "../../src/base/clock.ts";
import { Random } from "../../src/base/random.ts";
import { commandCodec } from "../../src/replica/calls/command-codec.ts";
import { Replica } from "../../src/replica/replica.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { tcp } from "../../src/transport/tcp/tcp-transport.ts";
import { type Add, Counter } from "./counter.ts";
import { type CounterReplica, until } from "./test-cluster.ts";

const running = new Map<string, CounterReplica>();
const storages = new Map<string, MemoryStorage>();

afterEach(async () => {
  await Promise.all([...running.values()].map((member) => member.close()));
  running.clear();
  storages.clear();
});

async function start(name: string, peers: Record<string, string>, join?: string): Promise<CounterReplica> {
  const storage =
    storages.get(name) ?? new MemoryStorage({ storeId: Buffer.from(name).toString("hex").padStart(32, "0") });
  storages.set(name, storage);
  const member = await Replica.open<Add, number, void, number>({
    name,
    peers,
    join,
    machine: new Counter(),
    codec: commandCodec<Add>("json"),
    storage,
    transport: tcp({ secret: "told to members alone" }),
    clock: systemClock,
    random: new Random(Number(name.slice(1))),
    limits: { tickMs: 20 },
  });
  running.set(name, member);
  return member;
}

test("over sockets too, a member that was away finds a leader of which it has never heard", async () => {
  const [first, ...ports] = await freePorts(4);
  const peers = Object.fromEntries(ports.map((port, at) => [`n${at + 1}`, `127.0.0.1:${port}`]));
  const [n1, n2, n3] = await Promise.all(Object.keys(peers).map((name) => start(name, peers)));
  await Promise.all([n1!, n2!, n3!].map((member) => member.ready()));
  await n3!.close();

  const n4 = await start("n4", {}, await n2!.cluster.add({ name: "n4", address: `127.0.0.1:${first}` }));
  await n2!.cluster.promote("n4");
  await n4.ready();
  const leader = n1!.isLeader ? n1! : n2!;
  await leader.cluster.transfer("n4");
  await n4.cluster.remove("n1");
  await n4.propose({ add: 1 });

  const again = await start("n3", peers);
  expect(await again.query()).toBe(1);
  expect(again.status().leader).toBe("n4");
  await until(() => n1!.status().state === "failed", "the removed member to leave");
});
