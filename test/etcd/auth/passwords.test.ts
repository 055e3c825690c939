import { describe, expect, test } from "vitest";
import { Passwords } from "../../../src/etcd/auth/passwords.ts";
import {
  AuthTokens,
  mintToken,
  TOKEN_IDLE_MS,
  tokenParts,
  tokenText,
} from "../../../src/etcd/call/auth-tokens.ts";
import { HandClock } from "../../kv/support.ts";

describe("a password", () => {
  test("matches the record that was made of it, and no other; records of the same password differ", async () => {
    const passwords = new Passwords(8);
    const [one, other] = await Promise.all([passwords.hash("näme"), passwords.hash("näme")]);
    expect(one).not.toBe(other);
    expect(one).not.toContain("näme");
    expect(await passwords.verify("näme", one)).toBe(true);
    expect(await passwords.verify("name", one)).toBe(false);
    expect(await passwords.verify("", null)).toBe(false);
  });

  test("takes as much work for a user who does not exist as for one who does", async () => {
    const passwords = new Passwords();
    const record = await passwords.hash("right");
    // In processor time, all threads included: how long it takes is also a matter of what else the machine does.
    const time = async (text: string | null): Promise<number> => {
      const began = process.cpuUsage();
      await passwords.verify("wrong", text);
      return process.cpuUsage(began).user;
    };
    const shortest = async (text: string | null) =>
      Math.min(await time(text), await time(text), await time(text));
    const [known, unknown] = [await shortest(record), await shortest(null)];
    expect(unknown / known).toBeGreaterThan(0.5);
    expect(known / unknown).toBeGreaterThan(0.5);
  });

  test("is one of few that are worked on, and of a bounded number that wait", async () => {
    const passwords = new Passwords(8);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 70 }, () => passwords.verify("guess", null)),
    );
    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused.length).toBe(70 - 2 - 64);
    expect(refused[0]).toMatchObject({ reason: { message: "etcdserver: too many requests" } });
    expect(await passwords.verify("guess", null)).toBe(false);
  });

  test("cannot be checked against a damaged record", async () => {
    const passwords = new Passwords();
    for (const damaged of [
      "",
      "md5$1",
      "scrypt$99$8$1$AA==$AA==",
      "scrypt$15$8$1$AA==",
      "scrypt$x$8$1$AA==$AA==",
    ]) {
      await expect(passwords.verify("", damaged)).rejects.toThrow("damaged");
    }
  });
});

describe("a token", () => {
  const INDEX = 5;
  const granted = (digest: string, time: number, index = INDEX) => {
    return { user: "ann", digest, authRevision: 7, index, time };
  };
  /** A log without history, whose newest entry is as old as the test says. */
  const log = (time = () => 0) => ({ historyIndex: 0, time });

  test("is known by its digest, and names its user", () => {
    const clock = new HandClock();
    const tokens = new AuthTokens(clock, log());
    const { secret, digest } = mintToken();
    expect(tokens.find(tokenText(secret, INDEX))).toBe(null);
    tokens.add(granted(digest, clock.wall()));
    expect(tokens.find(tokenText(secret, INDEX))).toEqual({ user: "ann", authRevision: 7 });
    expect(tokens.find(secret)).toBe(null);
    expect(tokens.find(digest)).toBe(null);
    expect(tokens.find("")).toBe(null);
  });

  test("is forgotten after five minutes without use, and not before", async () => {
    const clock = new HandClock();
    const tokens = new AuthTokens(clock, log());
    const { secret, digest } = mintToken();
    tokens.add(granted(digest, clock.wall()));
    for (let round = 0; round < 3; round++) {
      await clock.pass(TOKEN_IDLE_MS - 1);
      expect(tokens.find(tokenText(secret, INDEX))).not.toBe(null);
    }
    await clock.pass(TOKEN_IDLE_MS);
    expect(tokens.find(tokenText(secret, INDEX))).toBe(null);
    const next = mintToken();
    tokens.add(granted(next.digest, clock.wall()));
    expect(tokens.size).toBe(1);
  });

  test("does not come back when the log is played again", () => {
    const tokens = new AuthTokens(new HandClock(), { historyIndex: INDEX, time: () => 0 });
    const [old, fresh] = [mintToken(), mintToken()];
    tokens.add(granted(old.digest, 0));
    tokens.add(granted(fresh.digest, 0, INDEX + 1));
    expect(tokens.find(tokenText(old.secret, INDEX))).toBe(null);
    expect(tokens.find(tokenText(fresh.secret, INDEX + 1))).toMatchObject({ user: "ann" });
  });

  test("is not good on a member that hears of it long after, by the log's time", () => {
    let newest = 1_000;
    const tokens = new AuthTokens(
      new HandClock(),
      log(() => newest),
    );
    const [unused, used] = [mintToken(), mintToken()];
    for (const { digest } of [unused, used]) tokens.add(granted(digest, newest));
    newest += 2 * TOKEN_IDLE_MS;
    expect(tokens.find(tokenText(used.secret, INDEX))).not.toBe(null);
    newest += 1;
    expect(tokens.find(tokenText(unused.secret, INDEX))).toBe(null);
    expect(tokens.find(tokenText(used.secret, INDEX))).not.toBe(null);
  });

  test("is good on a member whose wall clock is a day ahead, or a day behind", () => {
    for (const wall of [86_400_000, -86_400_000]) {
      const clock = { monotonic: () => 0, wall: () => 1_000_000_000 + wall };
      const tokens = new AuthTokens(
        clock,
        log(() => 1_000_000_000),
      );
      const { secret, digest } = mintToken();
      tokens.add(granted(digest, 1_000_000_000));
      expect(tokens.find(tokenText(secret, INDEX))).toMatchObject({ user: "ann" });
    }
  });

  test("is the whole text and nothing else: no beginning, no addition, no other index", () => {
    const tokens = new AuthTokens(new HandClock(), log());
    const { secret, digest } = mintToken();
    tokens.add(granted(digest, 0, 10));
    expect(tokens.find(`${secret}.10`)).not.toBe(null);
    const forged = ["10xyz", "1", "100", "010", "+10", "10.0", "1e1", "0xa", " 10", "10 ", "10\n", "", "-10"];
    for (const index of forged) expect([index, tokens.find(`${secret}.${index}`)]).toEqual([index, null]);
    for (const text of [
      `${secret}x.10`,
      ` ${secret}.10`,
      `${secret}.10.10`,
      `x.${secret}.10`,
      secret,
      `${secret}.`,
    ])
      expect([text, tokens.find(text)]).toEqual([text, null]);
  });

  test("tells the entry that made it known", () => {
    const { secret } = mintToken();
    expect(tokenParts(`${secret}.17`)).toEqual({ secret, index: 17 });
    for (const other of ["abc", "", "abc.17", `${secret}.1e9`, `${secret}.-`, `${secret}.9999999999999999`])
      expect(tokenParts(other)).toBe(null);
  });
});
