import { describe, expect, test } from "vitest";
import { Passwords } from "../../src/etcd/auth-passwords.ts";
import { AuthTokens, mintToken, TOKEN_IDLE_MS, tokenIndex, tokenText } from "../../src/etcd/auth-tokens.ts";
import { HandClock } from "../kv/support.ts";

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
  const granted = (digest: string, time: number) => ({ user: "ann", digest, authRevision: 7, time });

  test("is known by its digest, and names its user", () => {
    const clock = new HandClock();
    const tokens = new AuthTokens(clock);
    const { secret, digest } = mintToken();
    expect(tokens.find(tokenText(secret, 5))).toBe(null);
    tokens.add(granted(digest, clock.wall()));
    expect(tokens.find(tokenText(secret, 5))).toEqual({ user: "ann", authRevision: 7 });
    expect(tokens.find(secret)).toBe(null);
    expect(tokens.find(digest)).toBe(null);
    expect(tokens.find("")).toBe(null);
  });

  test("is forgotten after five minutes without use, and not before", async () => {
    const clock = new HandClock();
    const tokens = new AuthTokens(clock);
    const { secret, digest } = mintToken();
    tokens.add(granted(digest, clock.wall()));
    for (let round = 0; round < 3; round++) {
      await clock.pass(TOKEN_IDLE_MS - 1);
      expect(tokens.find(tokenText(secret, 1))).not.toBe(null);
    }
    await clock.pass(TOKEN_IDLE_MS);
    expect(tokens.find(tokenText(secret, 1))).toBe(null);
    const next = mintToken();
    tokens.add(granted(next.digest, clock.wall()));
    expect(tokens.size).toBe(1);
  });

  test("does not come back when the log is played again long after", async () => {
    const clock = new HandClock();
    const tokens = new AuthTokens(clock);
    const { secret, digest } = mintToken();
    const time = clock.wall();
    await clock.pass(3 * TOKEN_IDLE_MS);
    tokens.add(granted(digest, time));
    expect(tokens.find(tokenText(secret, 1))).toBe(null);
  });

  test("tells the entry that made it known", () => {
    expect(tokenIndex("abc.17")).toBe(17);
    for (const other of ["abc", "", "abc.x", "abc.1e99", "abc.-"]) expect(tokenIndex(other)).toBe(null);
  });
});
