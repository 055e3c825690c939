import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { addressBlock } from "../../src/transport/address.ts";
import { encodeFrames } from "../../src/transport/codec/framing.ts";
import { DiallerHandshake } from "../../src/transport/tcp/tcp-handshake.ts";
import { tcpLimits } from "../../src/transport/tcp/tcp-limits.ts";
import { Strangers } from "../../src/transport/tcp/tcp-strangers.ts";
import type { TcpOptions } from "../../src/transport/tcp/tcp-transport.ts";
import { Authority, hasOpenssl } from "./certificates.ts";
import { selfNamed, TcpWorld, until } from "./tcp-world.ts";

const world = new TcpWorld();
const attackers: ChildProcess[] = [];
afterEach(async () => {
  for (const attacker of attackers.splice(0)) attacker.kill("SIGKILL");
  await world.end();
});

async function attack(port: number, count: number, text: Uint8Array = new Uint8Array()): Promise<void> {
  const script = fileURLToPath(new URL("flood-process.ts", import.meta.url));
  const args = ["--import", "tsx", script, String(port), String(count), Buffer.from(text).toString("base64")];
  const attacker = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  attackers.push(attacker);
  await once(attacker.stdout!, "data");
}

/** Restarts a member while the other one is under attack, and tells how long it takes until both are connected. */
async function restart(options: (name: string) => TcpOptions, count: number, text?: Uint8Array) {
  const a = await world.member("a", options("a"));
  const b = await world.member("b", options("b"));
  a.knows(b);
  b.knows(a);
  await until(() => a.news.includes("b up") && b.news.includes("a up"), "both are up");
  const { port } = a;
  await attack(b.port, count, text);
  await a.close();
  await until(() => b.news.includes("a down"), "the end of a");
  const again = await world.member("a", { ...options("a"), listen: `127.0.0.1:${port}` });
  const began = performance.now();
  again.knows(b);
  b.knows(again);
  await until(() => again.news.includes("b up") && b.news.at(-1) === "a up", "both are up again");
  return { tookMs: performance.now() - began, b };
}

/** Far below the 5 s that strangers may take; a quiet machine needs some 50 ms. */
const TOOK_MS_MAX = 3_000;

function helloOfImpostor(): Uint8Array {
  const self = selfNamed("a");
  const target = { name: "b", id: selfNamed("b").id, address: "127.0.0.1:1" };
  return encodeFrames([new DiallerHandshake({ self, secret: "guessed" }, target).hello]);
}

describe("a restarted member is let in at once", () => {
  test.each([
    ["700 connections that say nothing", undefined],
    ["700 that begin a handshake and do not end it", helloOfImpostor()],
  ])("while an outsider on the same machine keeps %s open, and opens them again", async (_, text) => {
    const { tookMs, b } = await restart(() => ({ secret: "known to members" }), 700, text);
    expect(tookMs).toBeLessThan(TOOK_MS_MAX);
    const { waiting, displaced } = b.transport.strangers();
    expect(waiting).toBeLessThanOrEqual(256);
    expect(displaced).toBeGreaterThan(400);
    expect(b.refusals.length).toBeLessThan(40);
  });

  describe.skipIf(!hasOpenssl)("over TLS (needs openssl on the PATH)", () => {
    let authority: Authority;
    beforeAll(() => {
      authority = new Authority();
    });
    afterAll(() => authority.remove());

    test("while an outsider keeps 700 connections open, and opens them again", async () => {
      const { tookMs, b } = await restart((name) => ({ tls: authority.member(name) }), 700);
      expect(tookMs).toBeLessThan(TOOK_MS_MAX);
      expect(b.transport.strangers().displaced).toBeGreaterThan(400);
    });
  });
});

describe("who makes room", () => {
  /** Guests by the order in which they come, and which of them had to go. */
  function serve(
    arrivals: readonly string[],
    limits: Parameters<typeof tcpLimits>[0],
    members: string[] = [],
  ) {
    const strangers = new Strangers<{ readonly at: number }>(tcpLimits(limits), (address) =>
      members.includes(address),
    );
    return arrivals.flatMap((address, at) => {
      const displaced = strangers.add({ at }, address);
      if (displaced === null) return [];
      strangers.remove(displaced);
      return [displaced.at];
    });
  }

  test("at the limit of one address nobody, one above it the oldest from there", () => {
    const limits = { halfOpenMax: 100, halfOpenPerAddressMax: 2 };
    expect(serve(["1.1.1.1", "1.1.1.1", "2.2.2.2"], limits)).toEqual([]);
    expect(serve(["1.1.1.1", "1.1.1.1", "2.2.2.2", "1.1.1.1", "1.1.1.1"], limits)).toEqual([0, 1]);
  });

  test("at the limit of all nobody, one above it the oldest of the address that has most", () => {
    const limits = { halfOpenMax: 3, halfOpenPerAddressMax: 100 };
    expect(serve(["2.2.2.2", "1.1.1.1", "1.1.1.1"], limits)).toEqual([]);
    expect(serve(["2.2.2.2", "1.1.1.1", "1.1.1.1", "3.3.3.3"], limits)).toEqual([1]);
  });

  test("what comes from a member's address has room of its own", () => {
    const limits = { halfOpenMax: 2, halfOpenPerAddressMax: 2 };
    const arrivals = ["9.9.9.9", "1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "9.9.9.9", "5.5.5.5"];
    expect(serve(arrivals, limits, ["9.9.9.9"])).toEqual([1, 2, 3]);
  });
});

test("addresses count by host: IPv4 within IPv6 as IPv4, IPv6 by its first 64 bits", () => {
  expect(
    ["10.0.0.1", "::ffff:10.0.0.1", "::1", "2001:db8::1", "2001:DB8:0:0:5::", "fe80::1%eth0"].map(
      addressBlock,
    ),
  ).toEqual(["10.0.0.1", "10.0.0.1", "::1", "2001:db8:0:0::/64", "2001:db8:0:0::/64", "fe80:0:0:0::/64"]);
});
