import { afterEach, expect, test } from "vitest";
import { freePorts } from "../../examples/kubernetes/free-ports.ts";
import { Random } from "../../src/base/random.ts";
import { open } from "../../src/open.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { tcp } from "../../src/transport/tcp/tcp-transport.ts";
import { BitFlipper } from "./bit-flipper.ts";
import { type TcpMember, TcpWorld, until } from "./tcp-world.ts";

const world = new TcpWorld();
afterEach(() => world.end());

/** Two members of which the first reaches the second only by a path that flips bits. */
async function damagedPair(flipper: BitFlipper): Promise<[TcpMember, TcpMember]> {
  const [a, b] = [await world.member("a"), await world.member("b")];
  const server = await world.server((socket) => flipper.join(socket, b.port));
  b.knows(a);
  const { port } = server.address() as { port: number };
  a.transport.setPeers([{ name: "b", id: b.self.id, address: `127.0.0.1:${port}` }]);
  await until(() => a.news.includes("b up") && b.news.includes("a up"), "both are up");
  return [a, b];
}

test("one flipped bit in a frame's length closes the connection at once, and the next one carries frames", async () => {
  const flipper = new BitFlipper(1);
  const [a, b] = await damagedPair(flipper);
  // The 24th bit of the first frame from here on: its length grows by 8 MiB.
  flipper.flipNext(23);
  a.transport.send("b", new Uint8Array(40).fill(1));
  const began = performance.now();
  await until(() => b.refusals.length > 0, "the damage is reported");
  expect(b.refusals[0]).toMatchObject({ code: "ERR_PROTOCOL", message: expect.stringContaining("checksum") });
  await until(() => a.news.at(-1) === "b up" && a.news.includes("b down"), "the connection is made again");
  expect(performance.now() - began).toBeLessThan(2_000);
  expect(b.transport.metrics()).toMatchObject([{ name: "a", connectionsBroken: 1 }]);
  a.transport.send("b", Uint8Array.of(2));
  await until(() => b.received.length === 1, "the next frame");
  expect(b.received[0]!.frame).toEqual(Uint8Array.of(2));
});

test("a frame that stays unfinished ends the connection, though its header is sound", async () => {
  const b = await world.member("b", { limits: { silenceMs: 200 } });
  const a = await world.member("a", { limits: { silenceMs: 200 } });
  const flipper = new BitFlipper(1);
  const server = await world.server((socket) => flipper.join(socket, b.port));
  b.knows(a);
  const { port } = server.address() as { port: number };
  a.transport.setPeers([{ name: "b", id: b.self.id, address: `127.0.0.1:${port}` }]);
  await until(() => a.news.includes("b up") && b.news.includes("a up"), "both are up");
  flipper.carryOnly(1000);
  a.transport.send("b", new Uint8Array(5000).fill(1));
  await until(() => b.refusals.length > 0, "it is reported");
  expect(b.refusals[0]?.message).toContain("the rest does not follow");
  expect(b.received).toEqual([]);
});

test("a large frame may take longer than the silence that ends a connection, as long as it grows", async () => {
  const b = await world.member("b", { limits: { silenceMs: 200, frameBytesPerSecondMin: 1000 } });
  const a = await world.member("a", { limits: { silenceMs: 200 } });
  const flipper = new BitFlipper(1);
  const server = await world.server((socket) => flipper.join(socket, b.port));
  b.knows(a);
  const { port } = server.address() as { port: number };
  a.transport.setPeers([{ name: "b", id: b.self.id, address: `127.0.0.1:${port}` }]);
  await until(() => a.news.includes("b up") && b.news.includes("a up"), "both are up");
  flipper.slowDown(500, 5);
  a.transport.send("b", new Uint8Array(100_000).fill(1));
  await until(() => b.received.length === 1, "the frame");
  expect(a.news).toEqual(["b up"]);
  expect(b.refusals).toEqual([]);
});

test.each([1, 2, 3])(
  "whatever bits are flipped, no frame arrives changed, and frames flow as soon as it ends (seed %i)",
  async (seed) => {
    const flipper = new BitFlipper(seed);
    const [a, b] = await damagedPair(flipper);
    const frames = new Random(seed);
    flipper.flipEvery(20_000);
    const began = performance.now();
    while (performance.now() - began < 700) {
      const frame = new Uint8Array(frames.between(1, 2_000)).fill(frames.between(0, 255));
      a.transport.send("b", frame);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(flipper.flipped).toBeGreaterThan(3);
    flipper.flipEvery(Number.POSITIVE_INFINITY);
    const healed = performance.now();
    b.received.splice(0).every(({ frame }) => expect(new Set(frame).size).toBe(1));
    await until(() => {
      a.transport.send("b", Uint8Array.of(7));
      return b.received.some(({ frame }) => frame.length === 1 && frame[0] === 7);
    }, "frames flow again");
    expect(performance.now() - healed).toBeLessThan(3_000);
  },
);

test("three members that reach each other by damaged paths have a leader soon after the paths are sound", async () => {
  const ports = await freePorts(3);
  const flipper = new BitFlipper(4);
  const peers: Record<string, string> = {};
  for (const [at, port] of ports.entries()) {
    const server = await world.server((socket) => flipper.join(socket, port));
    peers[`n${at + 1}`] = `127.0.0.1:${(server.address() as { port: number }).port}`;
  }
  const members = await Promise.all(
    ports.map((port, at) =>
      open({
        storage: new MemoryStorage(),
        name: `n${at + 1}`,
        peers,
        transport: tcp({ listen: `127.0.0.1:${port}`, secret: "s" }),
      }),
    ),
  );
  try {
    await Promise.all(members.map((member) => member.ready()));
    flipper.flipEvery(3_000);
    const began = performance.now();
    let count = 0;
    // Until the paths have done enough damage, however slow the machine is.
    while (
      performance.now() - began < 1_200 ||
      (flipper.flipped <= 10 && performance.now() - began < 15_000)
    ) {
      await members[count % 3]!.put(`k${count++}`, "v".repeat(500), { timeoutMs: 200 }).catch(() => {});
    }
    expect(flipper.flipped).toBeGreaterThan(10);
    flipper.flipEvery(Number.POSITIVE_INFINITY);
    const healed = performance.now();
    await Promise.all(members.map((member) => member.put("healed", "yes", { timeoutMs: 10_000 })));
    expect(performance.now() - healed).toBeLessThan(8_000);
  } finally {
    await Promise.all(members.map((member) => member.close()));
  }
}, 30_000);
