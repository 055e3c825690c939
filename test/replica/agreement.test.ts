import { afterEach, expect, test } from "vitest";
import { freePorts } from "../../examples/kubernetes/free-ports.ts";
import { systemClock } from "../../src/base/clock.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { type CreateReplicaOptions, createReplica, open } from "../../src/open.ts";
import { Agreement } from "../../src/replica/agreement.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { tcp } from "../../src/transport/tcp/tcp-transport.ts";
import type { Transport, TransportHost } from "../../src/transport/transport.ts";
import { type Add, Counter } from "./counter.ts";

type Options = Partial<CreateReplicaOptions<Add, number, void, number>>;
type Mismatch = QuorateError<"ERR_OPTION_MISMATCH">;

const LIMITS = { tickMs: 10, electionTicks: 10, callTimeoutMs: 20_000 };

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((member) => member.close()));
});

async function start(
  transport: Transport,
  name: string,
  peers: Record<string, string>,
  options: Options = {},
) {
  const { limits, ...rest } = options;
  const parts = rest.join === undefined ? { peers } : {};
  const member = await createReplica<Add, number, void, number>({
    ...parts,
    name,
    machine: new Counter(),
    transport,
    limits: { ...LIMITS, ...limits },
    ...rest,
  });
  opened.push(member);
  const refusals: Mismatch[] = [];
  member.on("refused", (error) => {
    if (QuorateError.is(error, "ERR_OPTION_MISMATCH")) refusals.push(error);
  });
  return { member, refusals };
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error("it has not come about");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Carries frames and nothing else: it knows neither handshakes nor news of connections. */
class Bus {
  readonly #hosts = new Map<string, TransportHost>();

  transport(): Transport {
    let host: TransportHost | null = null;
    return {
      start: (own, started) => {
        host = own;
        this.#hosts.set(own.self.name, own);
        systemClock.soon(() => started(null));
      },
      setPeers: () => {},
      send: (to, frame) => {
        const from = host!.self.name;
        const copy = frame.slice();
        systemClock.soon(() => this.#hosts.get(to)?.deliver(from, copy));
      },
      close: (closed) => {
        if (host !== null) this.#hosts.delete(host.self.name);
        systemClock.soon(() => closed(null));
      },
    };
  }
}

const PAIR = { a: "", b: "" };

class Machine extends Counter {
  readonly kind = "counter 2";
}

const DIFFERENCES: readonly (readonly [option: string, ours: string, theirs: string, Options])[] = [
  ["leaseReads", "false", "true", { leaseReads: true }],
  ["onApplyError", "stop", "report", { onApplyError: "report" }],
  ["codec", "json", "msgpack", { codec: "msgpack" }],
  ["machine.kind", "", "counter 2", { machine: new Machine() }],
  ["limits.tickMs", "10", "11", { limits: { tickMs: 11 } }],
  ["limits.electionTicks", "10", "12", { limits: { electionTicks: 12 } }],
  ["limits.checkpointEntries", "100000", "50000", { limits: { checkpointEntries: 50_000 } }],
];

test.each(DIFFERENCES)(
  "members that differ in %s (%s and %s) refuse each other by its name",
  async (option, ours, theirs, options) => {
    const network = new MemoryNetwork({ random: new Random(1) });
    const a = await start(network.transport(), "a", PAIR);
    const b = await start(network.transport(), "b", PAIR, options);
    await until(() => a.refusals.length > 0 && b.refusals.length > 0);
    expect(a.refusals.map(({ details }) => details)).toEqual([{ peer: "b", option, ours, theirs }]);
    expect(b.refusals.map(({ details }) => details)).toEqual([
      { peer: "a", option, ours: theirs, theirs: ours },
    ]);
    for (const { member } of [a, b]) {
      const failure: unknown = await member.ready({ timeoutMs: 50 }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "ERR_NO_QUORUM", cause: { code: "ERR_OPTION_MISMATCH" } });
      expect(String(failure)).toContain(option);
      expect(member.status().leader).toBeUndefined();
    }
  },
);

test("it holds over TCP, and over a transport that only carries frames", async () => {
  const [first, second] = await freePorts(2);
  const addresses = { a: `127.0.0.1:${first}`, b: `127.0.0.1:${second}` };
  const bus = new Bus();
  for (const [makeTransport, peers] of [
    [() => tcp(), addresses],
    [() => bus.transport(), PAIR],
  ] as const) {
    const a = await start(makeTransport(), "a", peers);
    const b = await start(makeTransport(), "b", peers, { leaseReads: true });
    await until(() => a.refusals.length > 0 && b.refusals.length > 0);
    expect(a.refusals[0]!.details).toEqual({
      peer: "b",
      option: "leaseReads",
      ours: "false",
      theirs: "true",
    });
    expect(b.refusals[0]!.details).toEqual({
      peer: "a",
      option: "leaseReads",
      ours: "true",
      theirs: "false",
    });
  }
});

test("those that agree go on without the one that does not, which is heard once it agrees", async () => {
  const network = new MemoryNetwork({ random: new Random(1) });
  const peers = { a: "", b: "", c: "" };
  const [a, b] = [await start(network.transport(), "a", peers), await start(network.transport(), "b", peers)];
  const c = await start(network.transport(), "c", peers, { limits: { electionTicks: 20 } });
  await a.member.ready();
  expect(await b.member.propose({ add: 5 })).toBe(5);
  await until(() => c.refusals.length > 1 && a.refusals.length > 0);
  expect(c.member.status()).toMatchObject({ leader: undefined, applied: 1 });
  await c.member.close();
  const again = await start(network.transport(), "c", peers);
  await again.member.ready();
  expect(await again.member.query()).toBe(5);
});

test("a member that joins with a ticket and other settings is refused in the same way", async () => {
  const network = new MemoryNetwork({ random: new Random(1) });
  const a = await start(network.transport(), "a", { a: "" });
  await a.member.ready();
  const join = await a.member.cluster.add({ name: "b", address: "", votes: true });
  const b = await start(network.transport(), "b", {}, { join, onApplyError: "report" });
  await until(() => a.refusals.length > 0 && b.refusals.length > 0);
  expect(a.refusals[0]!.details).toMatchObject({ peer: "b", option: "onApplyError" });
  expect(b.member.status().applied).toBe(0);
});

test("a store and a machine of one's own refuse each other", async () => {
  const network = new MemoryNetwork({ random: new Random(1) });
  const a = await start(network.transport(), "a", PAIR);
  const store = await open({ name: "b", peers: PAIR, transport: network.transport(), limits: LIMITS });
  opened.push(store);
  await until(() => a.refusals.length > 1);
  expect(a.refusals.map(({ details: { option, theirs } }) => [option, theirs])).toEqual([
    ["codec", "bytes"],
    ["machine.kind", "kv"],
  ]);
});

test("an option that only one of two releases knows is named too", () => {
  const limits = { tickMs: 100, electionTicks: 10, checkpointEntries: 100_000 };
  const parts = { leaseReads: false, onApplyError: "stop", codec: "json", machineKind: "", limits } as const;
  const agreement = new Agreement(parts);
  expect(agreement.disputes("b", agreement.settings)).toEqual([]);
  const theirs = [...agreement.settings.slice(1), ["newer", "yes"]] as const;
  const found = agreement
    .disputes("b", theirs)
    .map(({ details }) => [details.option, details.ours, details.theirs]);
  expect(found).toEqual([
    ["leaseReads", "false", "unset"],
    ["newer", "unset", "yes"],
  ]);
  expect(new Agreement({ ...parts, leaseReads: true }).tag).not.toBe(agreement.tag);
});
