import { Socket } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { utf8Bytes } from "../../../src/base/bytes.ts";
import { QuorateError } from "../../../src/base/errors.ts";
import { formatAddress, parseAddress } from "../../../src/transport/address.ts";
import { type TcpOptions, tcp } from "../../../src/transport/tcp/tcp-transport.ts";
import { selfNamed, TcpMember, TcpWorld, until } from "../tcp-world.ts";

const world = new TcpWorld();
afterEach(() => world.end());

describe("finding and losing peers", () => {
  test("a peer that restarts is found again at once, on the same port", async () => {
    const [a, b] = await world.pair();
    const { port } = b;
    await b.close();
    await until(() => a.news.includes("b down"), "b is down");
    const again = await world.member("b", { listen: `127.0.0.1:${port}` });
    const began = performance.now();
    again.knows(a);
    await until(() => a.news.at(-1) === "b up" && again.news.includes("a up"), "b is up again");
    expect(performance.now() - began).toBeLessThan(900);
    a.transport.send("b", utf8Bytes("welcome back"));
    await until(() => again.received.length > 0, "a frame");
  });

  test("a peer that dials us is dialled back without waiting for the pause to end", async () => {
    const a = await world.member("a", { limits: { redialMsMin: 60_000, redialMsMax: 60_000 } });
    const b = await world.member("b");
    const { port } = b;
    await b.close();
    a.transport.setPeers([{ name: "b", id: b.self.id, address: `127.0.0.1:${port}` }]);
    const again = await world.member("b", { listen: `127.0.0.1:${port}` });
    again.knows(a);
    await until(() => a.news.includes("b up"), "b is up");
  });

  test("the end of a peer is told once, though two connections break", async () => {
    const [a, b] = await world.pair();
    await b.close();
    await until(() => a.news.includes("b down"), "b is down");
    const again = await world.member("b", { listen: b.self.address });
    again.knows(a);
    a.knows(again);
    await until(() => a.news.filter((news) => news === "b up").length === 2, "b is up again");
    expect(a.news).toEqual(["b up", "b down", "b up"]);
  });

  test("a path that goes silent without a word is noticed", async () => {
    const a = await world.member("a", { limits: { silenceMs: 80 } });
    const b = await world.member("b");
    const path = await world.path(b);
    b.knows(a);
    a.transport.setPeers([{ name: "b", id: b.self.id, address: path.address }]);
    await until(() => a.news.includes("b up"), "b is up");
    path.isSilent = true;
    await until(() => a.news.includes("b down"), "the silence is noticed");
  });

  test("two members whose connections break as soon as they stand do not dial each other in a circle", async () => {
    const [a, b] = [await world.member("a"), await world.member("b")];
    const [toA, toB] = [await world.path(a), await world.path(b)];
    toA.breaksOnceAccepted = true;
    toB.breaksOnceAccepted = true;
    a.transport.setPeers([{ name: "b", id: b.self.id, address: toB.address }]);
    b.transport.setPeers([{ name: "a", id: a.self.id, address: toA.address }]);
    await until(() => toA.dialled + toB.dialled >= 10, "ten attempts");
    const [began, dialled] = [performance.now(), toA.dialled + toB.dialled];
    await until(() => performance.now() - began > 300, "a while passes");
    expect(toA.dialled + toB.dialled - dialled).toBeLessThan(10);
  });

  test("a peer taken off the list is left without news of its end", async () => {
    const [a, b] = await world.pair();
    a.transport.setPeers([]);
    await until(() => b.news.includes("a down"), "b notices");
    expect(a.news).toEqual(["b up"]);
    b.transport.send("a", utf8Bytes("still there?"));
    await until(() => b.refusals.length > 0, "b is refused");
    expect(a.received).toEqual([]);
  });

  test("a peer with a new address is dialled there", async () => {
    const [a, b] = await world.pair();
    await b.close();
    const moved = await world.member("b");
    moved.knows(a);
    a.knows(moved);
    await until(() => a.news.at(-1) === "b up" && a.news.length >= 2, "b is up at its new place");
  });

  test("an address that is none is no peer to dial, and harms nobody", async () => {
    const [a, b] = await world.pair();
    a.transport.setPeers([
      { name: "b", id: b.self.id, address: b.address },
      { name: "x", id: 9, address: "not an address" },
    ]);
    a.transport.send("x", utf8Bytes("lost"));
    a.transport.send("b", utf8Bytes("found"));
    await until(() => b.received.length > 0, "a frame");
  });
});

describe("sending", () => {
  test("what is sent in one turn leaves in one write", async () => {
    const [a, b] = await world.pair();
    const write = vi.spyOn(Socket.prototype, "write");
    for (let at = 0; at < 500; at++) a.transport.send("b", new Uint8Array(200).fill(at));
    await until(() => b.received.length === 500, "all frames");
    const large = write.mock.calls.filter(([bytes]) => (bytes as Uint8Array).length > 1000);
    write.mockRestore();
    expect(large.length).toBe(1);
  });

  test("frames sent while the connection is made are kept until it stands", async () => {
    const [a, b] = [await world.member("a"), await world.member("b")];
    b.knows(a);
    a.knows(b);
    a.transport.send("b", utf8Bytes("early"));
    await until(() => b.received.length > 0, "the early frame");
  });

  test("what is sent just before closing still leaves", async () => {
    const [a, b] = await world.pair();
    a.transport.send("b", utf8Bytes("goodbye"));
    await a.close();
    await until(() => b.received.length > 0, "the last frame");
  });

  test("a frame above the limit is dropped by the sender, and the connection stands", async () => {
    const [a, b] = await world.pair({ frameBytesMax: 1000 });
    a.transport.send("b", new Uint8Array(1001));
    a.transport.send("b", new Uint8Array(1000));
    await until(() => b.received.length > 0, "a frame");
    expect(b.received.map(({ frame }) => frame.length)).toEqual([1000]);
    expect(a.news).toEqual(["b up"]);
  });

  test("a frame above the receiver's limit ends the connection with a coded error", async () => {
    const a = await world.member("a");
    const b = await world.member("b", { limits: { frameBytesMax: 1000 } });
    a.knows(b);
    b.knows(a);
    await until(() => a.news.includes("b up"), "b is up");
    a.transport.send("b", new Uint8Array(1001));
    await until(() => b.refusals.length > 0, "b refuses it");
    expect(b.refusals[0]).toMatchObject({ code: "ERR_PROTOCOL" });
    await until(() => a.news.at(-1) === "b up" && a.news.length >= 3, "the connection is made again");
    expect(b.received).toEqual([]);
  });

  test("what waits for a peer that does not read is bounded: the newest frames are dropped", async () => {
    const [a, b] = await world.pair({ queueBytesMax: 10_000 });
    for (let at = 0; at < 50; at++) a.transport.send("b", new Uint8Array(1000).fill(at));
    await until(() => b.received.length === 10, "what fitted");
    a.transport.send("b", utf8Bytes("there is room again"));
    await until(() => b.received.length === 11, "the next frame");
    expect(b.received.slice(0, 10).map(({ frame }) => frame[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("twenty megabytes arrive in order and unchanged", async () => {
    const [a, b] = await world.pair();
    const frame = Uint8Array.from({ length: 256 * 1024 }, (_, at) => (at * 31) & 0xff);
    for (let at = 0; at < 80; at++) {
      frame[0] = at;
      a.transport.send("b", frame.slice());
    }
    await until(() => b.received.length === 80, "all frames");
    expect(b.received.map(({ frame }) => frame[0])).toEqual(Array.from({ length: 80 }, (_, at) => at));
    frame[0] = 79;
    expect(Buffer.compare(b.received[79]!.frame, frame)).toBe(0);
  });
});

describe("beginning and ending", () => {
  test("a port in use is an ERR_LISTEN with the address and the system's word for it", async () => {
    const a = await world.member("a");
    const second = new TcpMember(selfNamed("b"), { listen: a.address });
    await expect(second.start()).rejects.toMatchObject({
      code: "ERR_LISTEN",
      details: { address: a.address, errno: "EADDRINUSE" },
    });
    await second.close();
  });

  test("an address that cannot be listened on is an ERR_LISTEN", async () => {
    const member = new TcpMember(selfNamed("a", { address: "nowhere" }));
    await expect(member.start()).rejects.toMatchObject({ code: "ERR_LISTEN", details: { errno: "EINVAL" } });
    await member.close();
  });

  test("after close no socket, server or timer is left", async () => {
    const before = process.getActiveResourcesInfo().filter(isOurs).length;
    const [a, b] = await world.pair();
    const c = await world.member("c");
    // In every state at once: open, waiting for a peer that is gone, being dialled, refused.
    c.knows(a, b);
    a.transport.setPeers([
      { name: "b", id: b.self.id, address: b.address },
      { name: "gone", id: 9, address: "127.0.0.1:1" },
      { name: "c", id: c.self.id, address: c.address },
    ]);
    await world.stranger(a.port);
    await until(() => a.news.includes("c up"), "c is up");
    await world.end();
    await until(() => process.getActiveResourcesInfo().filter(isOurs).length <= before, "nothing is left");
  });

  test("closing before the listening has begun leaves nothing behind", async () => {
    const member = new TcpMember(selfNamed("a"));
    const started = member.start();
    await Promise.all([expect(started).rejects.toMatchObject({ code: "ERR_CLOSED" }), member.close()]);
    expect(member.transport.address()).toBeUndefined();
  });

  test("listening on one address and being reached under another", async () => {
    const a = await world.member("a", { listen: "127.0.0.1:0", self: { address: "a.example.test:2380" } });
    expect(a.port).toBeGreaterThan(0);
  });

  test("options that cannot be meant are refused", () => {
    const wrong: TcpOptions[] = [
      { listen: "here" },
      { secret: "" },
      { limits: { frameBytesMax: 0 } },
      { limits: { handshakeMs: Number.NaN } },
      { limits: { queueBytesMax: 1.5 } },
    ];
    for (const options of wrong) {
      expect(() => tcp(options)).toThrow(QuorateError);
    }
  });
});

test("addresses are read and written the same way", () => {
  for (const address of ["localhost:80", "127.0.0.1:0", "[::1]:2380", "a-b.example.test:65535"]) {
    expect(formatAddress(parseAddress(address)!)).toBe(address);
  }
  for (const text of [
    "",
    "localhost",
    ":80",
    "::1:80",
    "[::1]",
    "a:65536",
    "a:-1",
    "http://a:80",
    "a b:80",
  ]) {
    expect(parseAddress(text)).toBe(null);
  }
});

function isOurs(resource: string): boolean {
  return /TCP|Timeout/.test(resource);
}
