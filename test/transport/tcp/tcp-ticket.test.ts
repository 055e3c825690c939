import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { requestTicket } from "../../../src/transport/tcp/tcp-ticket.ts";
import type { Newcomer } from "../../../src/transport/transport.ts";
import { Authority, hasOpenssl } from "../certificates.ts";
import { type TcpMember, TcpWorld } from "../tcp-world.ts";

const world = new TcpWorld();
afterEach(() => world.end());

const NEWCOMER: Newcomer = { name: "d", address: "127.0.0.1:9" };

/** Gives tickets to whoever asks, and remembers who did. */
function giveTickets(member: TcpMember, answer: (newcomer: Newcomer) => string | Error): Newcomer[] {
  const asked: Newcomer[] = [];
  member.enrol = (newcomer, settle) => {
    asked.push(newcomer);
    const given = answer(newcomer);
    if (typeof given === "string") settle(null, given);
    else settle(given);
  };
  return asked;
}

const ask = (member: TcpMember, more: object = {}): Promise<string> =>
  requestTicket({
    newcomer: NEWCOMER,
    member: { name: member.self.name, address: member.address },
    timeoutMs: 2_000,
    ...more,
  });

describe("a process without a ticket", () => {
  test("is given it by a member, once it has shown that it knows the secret", async () => {
    const member = await world.member("a", { secret: "s" });
    const ticket = "t".repeat(10_000);
    const asked = giveTickets(member, () => ticket);
    expect(await ask(member, { secret: "s" })).toBe(ticket);
    expect(asked).toEqual([NEWCOMER]);
  });

  test("is refused without the secret, and the member is not even asked", async () => {
    const member = await world.member("a", { secret: "s" });
    const asked = giveTickets(member, () => "ticket");
    for (const secret of [undefined, "guessed"]) {
      await expect(ask(member, { secret })).rejects.toMatchObject({ details: { field: "secret" } });
    }
    expect(asked).toEqual([]);
  });

  test("is told why there is none", async () => {
    const member = await world.member("a");
    giveTickets(member, () => new Error("nobody was added"));
    await expect(ask(member)).rejects.toMatchObject({ code: "ERR_MEMBERSHIP", message: "nobody was added" });
    const silent = await world.member("b");
    await expect(ask(silent)).rejects.toMatchObject({ code: "ERR_MEMBERSHIP" });
  });

  test("gives up on a member that does not answer in time, or is not there", async () => {
    const member = await world.member("a", { limits: { handshakeMs: 5_000 } });
    member.enrol = () => {};
    await expect(ask(member, { timeoutMs: 100 })).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
    await expect(ask(member, { member: { name: "a", address: "127.0.0.1:1" } })).rejects.toMatchObject({
      code: "ERR_PROTOCOL",
    });
  });

  test("does not keep a place among the strangers that a member bears", async () => {
    const member = await world.member("a", { limits: { halfOpenMax: 1 } });
    giveTickets(member, () => "ticket");
    for (let round = 0; round < 5; round++) expect(await ask(member)).toBe("ticket");
  });
});

describe.skipIf(!hasOpenssl)("a process without a ticket, over TLS (needs openssl)", () => {
  let authority: Authority;
  beforeAll(() => {
    authority = new Authority();
  });
  afterAll(() => authority.remove());

  test("must have a certificate of the name that it wants, and sees that of the member", async () => {
    const member = await world.member("a", { tls: authority.member("a") });
    const asked = giveTickets(member, () => "ticket");
    expect(await ask(member, { tls: authority.member("d") })).toBe("ticket");

    const other = { tls: authority.member("c") };
    await expect(ask(member, other)).rejects.toMatchObject({
      details: { field: "certificate", expected: "d" },
    });
    const wrong = { tls: authority.member("d"), member: { name: "b", address: member.address } };
    await expect(ask(member, wrong)).rejects.toMatchObject({
      details: { field: "certificate", expected: "b" },
    });
    expect(asked).toHaveLength(1);
  });
});
