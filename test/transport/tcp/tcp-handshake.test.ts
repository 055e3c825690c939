import { afterEach, describe, expect, test } from "vitest";
import { encodeFrames } from "../../../src/transport/codec/framing.ts";
import {
  decodeHandshake,
  encodeHandshake,
  PROTOCOL_VERSION,
} from "../../../src/transport/codec/handshake-codec.ts";
import { AcceptorHandshake, DiallerHandshake } from "../../../src/transport/tcp/tcp-handshake.ts";
import { type Stranger, selfNamed, TcpWorld, until } from "../tcp-world.ts";

const world = new TcpWorld();
afterEach(() => world.end());

const peerB = { name: "b", id: selfNamed("b").id, address: "" };

function say(stranger: Stranger, ...payloads: Uint8Array[]): void {
  stranger.socket.write(encodeFrames(payloads));
}

/** A dialler's first part as "a" would send it to "b". */
function helloFromA(): DiallerHandshake {
  return new DiallerHandshake({ self: selfNamed("a"), secret: "" }, peerB);
}

describe("who is let in", () => {
  test("members of two clusters refuse each other, and both hosts learn why", async () => {
    const a = await world.member("a");
    const b = await world.member("b", { self: { clusterId: "d".repeat(32) } });
    a.knows(b);
    b.knows(a);
    await until(() => a.refusals.length > 1 && b.refusals.length > 1, "refusals");
    for (const { code, details } of [...a.refusals, ...b.refusals]) {
      expect(code).toBe("ERR_IDENTITY_MISMATCH");
      expect(details).toMatchObject({ field: "clusterId" });
    }
    expect([...a.news, ...b.news]).toEqual([]);
  });

  test("a dialler that is refused again and again tells its host once", async () => {
    const a = await world.member("a", { limits: { redialMsMax: 20 } });
    const b = await world.member("b", { self: { clusterId: "d".repeat(32) } });
    a.knows(b);
    await until(() => b.refusals.length >= 4, "four attempts");
    expect(a.refusals.length).toBe(1);
  });

  test("members with different secrets do not believe each other", async () => {
    const a = await world.member("a", { secret: "one" });
    const b = await world.member("b", { secret: "two" });
    a.knows(b);
    b.knows(a);
    await until(() => a.refusals.length > 0 && b.refusals.length > 0, "refusals");
    expect(a.refusals[0]).toMatchObject({ code: "ERR_IDENTITY_MISMATCH", details: { field: "secret" } });
    expect([...a.news, ...b.news]).toEqual([]);
  });

  test("a member with a secret does not believe one without", async () => {
    const a = await world.member("a", { secret: "one" });
    const b = await world.member("b");
    a.knows(b);
    b.knows(a);
    await until(() => a.refusals.length > 0 && b.refusals.length > 0, "refusals");
    expect([...a.news, ...b.news]).toEqual([]);
  });

  test("a member that nobody has heard of is refused until it is on the list", async () => {
    const a = await world.member("a");
    const b = await world.member("b");
    a.knows(b);
    await until(() => a.refusals.length > 0 && b.refusals.length > 0, "refusals");
    expect(b.refusals[0]).toMatchObject({ details: { field: "member", found: "a" } });
    b.knows(a);
    await until(() => a.news.includes("b up") && b.news.includes("a up"), "they found each other");
  });

  test("a name with another number is refused: the disk was replaced", async () => {
    const a = await world.member("a", { self: { id: 77 } });
    const b = await world.member("b");
    a.knows(b);
    b.transport.setPeers([{ name: "a", id: selfNamed("a").id, address: a.address }]);
    await until(() => b.refusals.length > 0, "a refusal");
    expect(b.refusals[0]).toMatchObject({ details: { field: "memberId", found: "77" } });
  });

  test("whoever dials a member under another member's name is refused", async () => {
    const a = await world.member("a");
    const b = await world.member("b");
    a.transport.setPeers([{ name: "z", id: 5, address: b.address }]);
    await until(() => a.refusals.length > 0, "a refusal");
    expect(a.refusals[0]).toMatchObject({ details: { field: "memberName", expected: "b", found: "z" } });
  });

  test("a member of another version is refused with both versions", async () => {
    const b = await world.member("b");
    const stranger = await world.stranger(b.port);
    const hello = helloFromA().hello.slice();
    new DataView(hello.buffer).setUint32(5, PROTOCOL_VERSION + 1, true);
    say(stranger, hello);
    await until(() => stranger.isClosed, "the end of the connection");
    expect(b.refusals[0]).toMatchObject({
      code: "ERR_INCOMPATIBLE",
      details: { found: PROTOCOL_VERSION + 1, supported: PROTOCOL_VERSION },
    });
    expect(decodeHandshake(stranger.frames[0]!)).toMatchObject({
      kind: "refuse",
      error: { code: "ERR_INCOMPATIBLE" },
    });
  });

  test("the other end's refusal reaches the dialler's host", async () => {
    const a = await world.member("a");
    const refusal = encodeHandshake({ kind: "refuse", error: incompatible() });
    const server = await world.server((socket) => void socket.write(encodeFrames([refusal])));
    const { port } = server.address() as { port: number };
    a.transport.setPeers([{ name: "b", id: peerB.id, address: `127.0.0.1:${port}` }]);
    await until(() => a.refusals.length > 0, "a refusal");
    expect(a.refusals[0]!.code).toBe("ERR_INCOMPATIBLE");
  });

  test("a proof that was seen once is of no use again", async () => {
    const secret = "correct horse";
    const b = { self: selfNamed("b"), secret };
    const dialler = new DiallerHandshake({ self: selfNamed("a"), secret }, peerB);
    const idOf = () => selfNamed("a").id;
    const first = new AcceptorHandshake(b, idOf);
    const confirm = dialler.step(first.step(dialler.hello).send!).send!;
    expect(first.step(confirm).kind).toBe("accepted");

    const second = new AcceptorHandshake(b, idOf);
    second.step(dialler.hello);
    expect(second.step(confirm)).toMatchObject({ kind: "refused", error: { details: { field: "secret" } } });
  });

  test("a proof mirrored back to its maker is of no use", () => {
    const config = { self: selfNamed("b"), secret: "correct horse" };
    const acceptor = new AcceptorHandshake(config, () => 1);
    const welcome = acceptor.step(helloFromA().hello);
    const part = decodeHandshake(welcome.send!);
    if (part.kind !== "welcome") throw new Error("expected a welcome");
    const mirrored = acceptor.step(encodeHandshake({ kind: "confirm", proof: part.proof }));
    expect(mirrored).toMatchObject({ kind: "refused", error: { details: { field: "secret" } } });
  });
});

describe("strangers", () => {
  test("bytes that are not ours end the connection with a coded error", async () => {
    const b = await world.member("b");
    const stranger = await world.stranger(b.port);
    stranger.socket.write("GET / HTTP/1.1\r\nHost: example.test\r\n\r\n");
    await until(() => stranger.isClosed, "the end of the connection");
    expect(b.refusals[0]).toMatchObject({ code: "ERR_PROTOCOL" });
  });

  test("frames of noise end the connection with a coded error", async () => {
    const b = await world.member("b");
    for (const payload of [Uint8Array.of(1), Uint8Array.of(99, 1, 2), new Uint8Array(400).fill(1)]) {
      const count = b.refusals.length;
      const stranger = await world.stranger(b.port);
      say(stranger, payload);
      await until(() => stranger.isClosed && b.refusals.length > count, "the end of the connection");
      expect(b.refusals.at(-1)).toMatchObject({ code: "ERR_PROTOCOL" });
    }
  });

  test("parts of the handshake out of order end the connection", async () => {
    const b = await world.member("b");
    const accept = encodeHandshake({ kind: "accept" });
    const confirm = encodeHandshake({ kind: "confirm", proof: new Uint8Array(32) });
    const { hello } = helloFromA();
    for (const parts of [[accept], [confirm], [hello, hello]]) {
      const stranger = await world.stranger(b.port);
      say(stranger, ...parts);
      await until(() => stranger.isClosed, "the end of the connection");
    }
    expect(b.refusals.map(({ code }) => code)).toEqual(["ERR_PROTOCOL", "ERR_PROTOCOL", "ERR_PROTOCOL"]);
  });

  test("a stranger cannot send more than a handshake is long", async () => {
    const b = await world.member("b");
    const stranger = await world.stranger(b.port);
    stranger.socket.write(encodeFrames([new Uint8Array(5000)]));
    await until(() => stranger.isClosed, "the end of the connection");
    expect(b.refusals[0]).toMatchObject({ code: "ERR_PROTOCOL" });
  });

  test("a stranger that dawdles, byte by byte, is cut off at the deadline", async () => {
    const b = await world.member("b", { limits: { handshakeMs: 60 } });
    const stranger = await world.stranger(b.port);
    const { hello } = helloFromA();
    let sent = 0;
    await until(() => {
      if (!stranger.isClosed) stranger.socket.write(encodeFrames([hello]).subarray(sent, ++sent));
      return stranger.isClosed;
    }, "the end of the connection");
    expect(b.refusals[0]).toMatchObject({ code: "ERR_PROTOCOL" });
  });

  test.each(["halfOpenMax", "halfOpenPerAddressMax"])(
    "only so many strangers are served at once (%s): the oldest makes room, and a member gets in",
    async (limit) => {
      const b = await world.member("b", { limits: { [limit]: 2 } });
      const a = await world.member("a");
      const [first, second] = [await world.stranger(b.port), await world.stranger(b.port)];
      expect([first.isClosed, second.isClosed]).toEqual([false, false]);
      const third = await world.stranger(b.port);
      await until(() => first.isClosed, "the first makes room");
      expect([second.isClosed, third.isClosed]).toEqual([false, false]);
      a.knows(b);
      b.knows(a);
      await until(() => a.news.includes("b up"), "a is let in");
      expect(b.transport.strangers()).toMatchObject({ displaced: expect.any(Number), refused: 0 });
    },
  );

  test("of many refusals some are reported, and all are counted", async () => {
    const b = await world.member("b");
    for (let at = 0; at < 40; at++) say(await world.stranger(b.port), Uint8Array.of(99));
    await until(() => b.transport.strangers().refused === 40, "all are refused");
    expect(b.refusals.length).toBeGreaterThanOrEqual(20);
    expect(b.refusals.length).toBeLessThan(30);
  });

  test("a server that is no member is told to the host, and dialled with pauses", async () => {
    const a = await world.member("a");
    let dialled = 0;
    const server = await world.server((socket) => {
      dialled += 1;
      socket.end("220 mail.example.test ESMTP\r\n");
    });
    const { port } = server.address() as { port: number };
    const began = performance.now();
    a.transport.setPeers([{ name: "b", id: peerB.id, address: `127.0.0.1:${port}` }]);
    await until(() => dialled >= 4, "four attempts");
    // At least half of 20, 40 and 80 milliseconds lie between them.
    expect(performance.now() - began).toBeGreaterThan(65);
    expect(a.refusals).toMatchObject([{ code: "ERR_PROTOCOL" }]);
  });
});

function incompatible() {
  const part = encodeHandshake({ kind: "accept" });
  expect(part.length).toBe(1);
  const acceptor = new AcceptorHandshake({ self: selfNamed("b"), secret: "" }, () => null);
  const hello = helloFromA().hello.slice();
  new DataView(hello.buffer).setUint32(5, 9, true);
  const step = acceptor.step(hello);
  if (step.kind !== "refused") throw new Error("expected a refusal");
  return step.error as Extract<ReturnType<typeof decodeHandshake>, { kind: "refuse" }>["error"];
}
