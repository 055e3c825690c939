import { equalBytes, utf8Bytes, utf8Text } from "../../base/bytes.ts";
import type { ErrorCode, QuorateError } from "../../base/errors.ts";
import { exact } from "../../base/surplus.ts";
import type { Peer, Self, Transport, TransportHost } from "../../transport/transport.ts";

/** How a test framework takes one test. Both vitest's and node:test's `test` fit. */
export interface SuiteHooks {
  test(name: string, run: () => Promise<void>): unknown;
}

/**
 * A network under test. Each call gives a transport for one more member of it. Where an address is needed it is
 * known once the transport has started, so `address` is asked afterwards.
 */
export interface TransportNetwork {
  transport(): Transport;
  /** Where the started transport is reached; undefined for networks that need no address. */
  address(transport: Transport): string | undefined;
}

/** Proves the promises of `Transport`. `make` gives a new network for each test. */
export const transportSuite = exact(
  "transportSuite",
  3,
  function transportSuite(name: string, make: () => TransportNetwork, { test }: SuiteHooks): void {
    const prove = (claim: string, run: (cluster: TestCluster) => Promise<void>): void => {
      test(`${name}: ${claim}`, async () => {
        const cluster = new TestCluster(make());
        try {
          await run(cluster);
        } finally {
          await cluster.close();
        }
      });
    };

    prove("a frame arrives whole, unchanged, and under the sender's name", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      const frame = Uint8Array.from({ length: 70_000 }, (_, at) => (at * 7) & 0xff);
      await sendUntil(a, b, frame);
      expect(b.received[0]!.from === "a", "the frame is from a");
      expect(equalBytes(b.received[0]!.frame, frame), "the bytes are the same");
    });

    prove("frames go both ways, and between any two of many members", async (cluster) => {
      const members = await cluster.start("a", "b", "c", "d");
      for (const from of members) {
        for (const to of members) {
          if (from !== to) await sendUntil(from, to, utf8Bytes(`${from.name} to ${to.name}`));
        }
      }
      for (const { name, received } of members) {
        for (const { from, frame } of received) {
          expect(utf8Text(frame) === `${from} to ${name}`, "each frame is with its addressee");
        }
      }
    });

    prove("a burst of frames arrives while nothing is wrong", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      await sendUntil(a, b, utf8Bytes("first"));
      b.received.length = 0;
      for (let at = 0; at < 1000; at++) a.transport.send("b", utf8Bytes(`frame ${at}`));
      await until(() => b.received.length >= 1000, "a thousand frames");
      const texts = new Set(b.received.map(({ frame }) => utf8Text(frame)));
      expect(texts.size === 1000, "each of them is there");
    });

    prove("the sender's memory is not seen by the receiver", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      await sendUntil(a, b, utf8Bytes("first"));
      b.received.length = 0;
      a.transport.send("b", utf8Bytes("as it was sent"));
      await until(() => b.received.length > 0, "the frame");
      b.received[0]!.frame.fill(0);
      a.transport.send("b", utf8Bytes("as it was sent"));
      await until(() => b.received.length > 1, "the second frame");
      expect(utf8Text(b.received[1]!.frame) === "as it was sent", "frames do not share memory");
    });

    prove("sending to nobody, to oneself, or to a stranger does nothing", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      a.transport.send("nobody", utf8Bytes("lost"));
      a.transport.send("a", utf8Bytes("lost"));
      await sendUntil(a, b, utf8Bytes("found"));
      expect(a.received.length === 0, "nothing came back");
    });

    prove("a member that is not on the list is not heard", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      await sendUntil(a, b, utf8Bytes("a friend"));
      b.transport.setPeers([]);
      b.transport.setPeers([]);
      b.received.length = 0;
      for (let round = 0; round < 20; round++) {
        a.transport.send("b", utf8Bytes("a stranger"));
        await turn();
      }
      expect(b.received.length === 0, "nothing was delivered");
    });

    prove("a member that joins the list later is reached", async (cluster) => {
      const [a] = await cluster.start("a");
      const b = await cluster.add("b");
      cluster.introduceAll();
      await sendUntil(a, b, utf8Bytes("welcome"));
      await sendUntil(b, a, utf8Bytes("thank you"));
    });

    prove("the host is told when a peer comes, and once when it ends", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      await until(() => a.news.includes("b up"), "b is up");
      await b.close();
      await until(() => a.news.includes("b down"), "b is down");
      expect(a.news.filter((news) => news === "b down").length === 1, "told once");
    });

    prove("a peer that comes back is found again", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      await sendUntil(a, b, utf8Bytes("before"));
      await b.close();
      const again = await cluster.add("b");
      cluster.introduceAll();
      await sendUntil(a, again, utf8Bytes("after"));
      await sendUntil(again, a, utf8Bytes("here I am"));
    });

    prove("a member of another cluster is refused and never heard", async (cluster) => {
      const a = await cluster.add("a");
      const b = await cluster.add("b", { clusterId: "f".repeat(32) });
      cluster.introduceAll();
      await until(() => a.refusals.length > 0 && b.refusals.length > 0, "refusals");
      a.transport.send("b", utf8Bytes("wrong cluster"));
      await turn();
      expect(a.refusals[0] === "ERR_IDENTITY_MISMATCH", "a coded refusal");
      expect(b.received.length === 0, "nothing was delivered");
    });

    prove("after close nothing is delivered, and sending does nothing", async (cluster) => {
      const [a, b] = await cluster.start("a", "b");
      await sendUntil(a, b, utf8Bytes("before"));
      a.transport.send("b", utf8Bytes("under way"));
      await b.close();
      const count = b.received.length;
      const news = b.news.length;
      for (let round = 0; round < 20; round++) {
        a.transport.send("b", utf8Bytes("too late"));
        b.transport.send("a", utf8Bytes("too late"));
        await turn();
      }
      expect(b.received.length === count && b.news.length === news, "silence");
    });

    prove("closing twice, or before starting, calls back", async (cluster) => {
      const [a] = await cluster.start("a");
      await a.close();
      await a.close();
      await closeOf(cluster.network.transport());
    });
  },
);

const CLUSTER_ID = "0123456789abcdef0123456789abcdef";

interface Received {
  readonly from: string;
  readonly frame: Uint8Array;
}

/** A member as the suite sees it: a transport, and everything that its host was told. */
class TestMember implements TransportHost {
  readonly self: Self;
  readonly transport: Transport;
  readonly received: Received[] = [];
  readonly news: string[] = [];
  readonly refusals: ErrorCode[] = [];

  constructor(self: Self, transport: Transport) {
    this.self = self;
    this.transport = transport;
  }

  get name(): string {
    return this.self.name;
  }

  deliver(from: string, frame: Uint8Array): void {
    this.received.push({ from, frame });
  }

  peerUp(name: string): void {
    this.news.push(`${name} up`);
  }

  peerDown(name: string): void {
    this.news.push(`${name} down`);
  }

  refused(reason: QuorateError): void {
    this.refusals.push(reason.code);
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.transport.start(this, (error) => (error === null ? resolve() : reject(error)));
    });
  }

  close(): Promise<void> {
    return closeOf(this.transport);
  }
}

class TestCluster {
  readonly network: TransportNetwork;
  readonly #members = new Map<string, TestMember>();

  constructor(network: TransportNetwork) {
    this.network = network;
  }

  /** Starts members that all know each other. */
  async start(...names: string[]): Promise<[TestMember, TestMember, ...TestMember[]]> {
    const members: TestMember[] = [];
    for (const name of names) members.push(await this.add(name));
    this.introduceAll();
    return members as [TestMember, TestMember, ...TestMember[]];
  }

  async add(name: string, changes: Partial<Self> = {}): Promise<TestMember> {
    const id = name.charCodeAt(0);
    const self: Self = {
      clusterId: CLUSTER_ID,
      name,
      id,
      storeId: `store of ${name}`,
      bootEpoch: 1,
      address: "127.0.0.1:0",
      ...changes,
    };
    const member = new TestMember(self, this.network.transport());
    await member.start();
    this.#members.set(name, member);
    return member;
  }

  introduceAll(): void {
    const members = [...this.#members.values()];
    const peers: Peer[] = members.map(({ self, transport }) => {
      return { name: self.name, id: self.id, address: this.network.address(transport) ?? "" };
    });
    for (const { transport } of members) transport.setPeers(peers);
  }

  async close(): Promise<void> {
    for (const member of this.#members.values()) await member.close();
  }
}

/** Sends again and again until the frame is there: a transport may lose frames, above all before it is connected. */
async function sendUntil(from: TestMember, to: TestMember, frame: Uint8Array): Promise<void> {
  const arrived = (): boolean => to.received.some((received) => equalBytes(received.frame, frame));
  await until(() => {
    if (arrived()) return true;
    from.transport.send(to.name, frame);
    return false;
  }, `a frame from ${from.name} to ${to.name}`);
}

function closeOf(transport: Transport): Promise<void> {
  return new Promise((resolve, reject) => {
    transport.close((error) => (error === null ? resolve() : reject(error)));
  });
}

const WAIT_MS_MAX = 10_000;

async function until(claim: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + WAIT_MS_MAX;
  while (!claim()) {
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await turn();
  }
}

/** Lets the event loop go round. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

function expect(claim: boolean, what: string): asserts claim {
  if (!claim) throw new Error(`does not hold: ${what}`);
}
