import fc from "fast-check";
import { expect, test } from "vitest";
import { Kv } from "../../src/kv/kv.ts";
import type { Command } from "../../src/kv/machine/command.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import {
  SESSION_ANSWERS_MAX,
  SESSION_BYTES_MAX,
  SESSION_IDLE_MS_MAX,
  SESSIONS_MAX,
} from "../../src/kv/machine/limits.ts";
import { type Answer, decodeAnswer, encodeAnswer } from "../../src/kv/machine/result-codec.ts";
import { ALL_KEYS } from "../../src/kv/mvcc/key-range.ts";
import { open } from "../../src/open.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { command, placed } from "./arbitraries.ts";
import { Applying, LoneReplica, rejection } from "./support.ts";

function opened() {
  const machine = new KvMachine();
  const replica = new LoneReplica(machine);
  return { machine, replica, kv: Kv.over(replica, machine) };
}

const put = (key: string, value = ""): Command => ({ kind: "put", key, value, lease: "" });
const once = (number: number, write: Command, session = "1"): Command => ({
  kind: "session-write",
  ...{ session, number, write: encodeCommand(write) },
});

test("a write that is made again under its number takes effect once and has the same answer", async () => {
  const { kv } = opened();
  await kv.put("a", "0");
  const session = await kv.session();
  const write = session.once();
  const answer = await write.put("a", "1", { prev: true });
  expect(answer).toMatchObject({ revision: 3, prev: { value: "0" } });
  await kv.put("a", "2");
  expect(await write.put("a", "1", { prev: true })).toEqual(answer);
  expect(await kv.get("a")).toBe("2");

  const transaction = session
    .once()
    .txn()
    .when((key) => key("a").value.eq("2"))
    .do((op) => [op.delete("a"), op.get("a")]);
  const first = await transaction.commit();
  expect(first).toMatchObject({ ok: true, results: [1, undefined] });
  expect(await transaction.commit()).toEqual(first);
  const deletion = session.once();
  expect(await deletion.delete("b")).toEqual(await deletion.delete("b"));
});

test("a session goes on elsewhere: from a snapshot, on another member, under the numbers that were in use", async () => {
  const { machine, kv } = opened();
  const session = await kv.session();
  const answer = await session.once(7).put("a", "1");

  const other = new KvMachine();
  other.restore(machine.snapshot());
  const elsewhere = Kv.over(new LoneReplica(other), other);
  const resumed = await elsewhere.session({ id: session.id });
  expect(await resumed.once(7).put("a", "1")).toEqual(answer);
  expect(elsewhere.metrics().revision).toBe(2);
  await resumed.once().put("a", "2");
  expect(await resumed.once(8).put("a", "2")).toEqual({ revision: 3 });
});

test("another write under a number that is taken is refused, and so is a session that is gone", async () => {
  const { kv } = opened();
  const session = await kv.session();
  await session.once(1).put("a", "1");
  expect((await rejection(session.once(1).put("a", "2"))).code).toBe("ERR_INVALID_ARGUMENT");
  expect(() => session.once(0)).toThrow(/whole/);
  expect(() => session.once(1.5)).toThrow(/whole/);
  await session.end();
  expect(await rejection(session.once(1).put("a", "1"))).toMatchObject({
    code: "ERR_SESSION_EXPIRED",
    outcome: "unknown",
    details: { session: session.id },
  });
  expect((await rejection(kv.session({ id: session.id }))).code).toBe("ERR_SESSION_EXPIRED");
});

test("a refused write keeps its number free, and may be made again when the reason is gone", async () => {
  const { kv } = opened();
  const write = (await kv.session()).once();
  expect((await rejection(write.put("a", "1", { lease: "L" }))).code).toBe("ERR_LEASE_NOT_FOUND");
  const lease = await kv.lease(60_000, { id: "L" });
  expect(await write.put("a", "1", { lease: "L" })).toMatchObject({ revision: 2 });
  lease.close();
  kv.close();
});

test("a view of one write may be narrowed, and reads as any other", async () => {
  const { kv } = opened();
  const session = await kv.session();
  const write = session.once().namespace("n/");
  await write.put("a", "1");
  await write.put("a", "1");
  expect(await write.get("a")).toBe("1");
  expect(kv.metrics()).toMatchObject({ revision: 2, sessions: 1 });
});

test("a session remembers so many answers and bytes; older numbers are forgotten, not done again", () => {
  const applying = new Applying(new KvMachine());
  applying.one({ kind: "session-open" });
  for (let number = 1; number <= SESSION_ANSWERS_MAX + 1; number++)
    applying.one(once(number, put("a", String(number))));
  const { revision } = applying.machine.store;
  expect(applying.one(once(1, put("a", "1")))).toMatchObject({ code: "ERR_ANSWER_FORGOTTEN" });
  expect(applying.one(once(2, put("a", "2")))).toMatchObject({ kind: "put", revision: 3 });

  applying.one(put("big", "x".repeat(SESSION_BYTES_MAX)));
  expect(applying.one(once(200, put("big", "y")))).toMatchObject({ kind: "put" });
  expect(applying.one(once(200, put("big", "y")))).toMatchObject({ code: "ERR_ANSWER_FORGOTTEN" });
  for (let number = 201; number < 300; number++) {
    applying.batch([put("large", "x".repeat(SESSION_BYTES_MAX / 10)), once(number, put("large", ""))]);
  }
  const [kept] = applying.machine.sessions.pack();
  expect(kept!.answers.length).toBeLessThan(12);
  expect(applying.machine.store.revision).toBe(revision + 2 + 2 * 99);
});

test("a number that a session has forgotten stays forgotten across a snapshot, and does not apply twice", () => {
  const applying = new Applying(new KvMachine());
  applying.one({ kind: "session-open" });
  for (let number = 1; number <= SESSION_ANSWERS_MAX + 5; number++)
    applying.one(once(number, put("a", String(number))));
  const restored = new Applying(new KvMachine(), applying.index);
  restored.machine.restore(applying.machine.snapshot());
  const { revision } = restored.machine.store;
  for (const number of [1, 5])
    expect(restored.one(once(number, put("a", String(number))))).toMatchObject({
      code: "ERR_ANSWER_FORGOTTEN",
    });
  expect(restored.one(once(6, put("a", "6")))).toMatchObject({ kind: "put", revision: 7 });
  expect(restored.machine.store.revision).toBe(revision);
});

test("sessions are given up when nobody uses them for a day, and there are only so many", () => {
  const machine = new KvMachine();
  let index = 0;
  const at = (time: number, each: Command) =>
    machine.apply([{ index: ++index, term: 1, time, command: encodeCommand(each) }])[0]!;
  for (let count = 0; count < SESSIONS_MAX; count++) at(0, { kind: "session-open" });
  expect(at(1, { kind: "session-open" })).toMatchObject({ code: "ERR_BUSY" });
  at(2, once(1, put("a")));
  expect(at(SESSION_IDLE_MS_MAX, { kind: "session-open" })).toMatchObject({ kind: "session-open" });
  expect(machine.sessions.size).toBe(2);
  expect(at(SESSION_IDLE_MS_MAX, once(1, put("a")))).toMatchObject({ kind: "put", revision: 2 });
});

test("what a session wraps is a write, never a session again, and no bytes make it fail", () => {
  const applying = new Applying(new KvMachine());
  applying.one({ kind: "session-open" });
  expect(applying.one(once(1, { kind: "session-open" }))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  expect(applying.one(once(1, once(1, put("a"))))).toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  const write = Uint8Array.of(1, 2, 3);
  expect(applying.one({ kind: "session-write", session: "1", number: 1, write })).toMatchObject({
    kind: "refused",
  });
});

test("any answer is the same after it was kept", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const applying = new Applying(new KvMachine());
      for (const each of commands) {
        const result = applying.one(placed(each, applying.machine.store.revision));
        if (["refused", "session-open", "auth-token"].includes(result.kind)) continue;
        expect(decodeAnswer(encodeAnswer(result as Answer))).toEqual(result);
      }
    }),
    { numRuns: 300 },
  );
});

test("writes that are repeated in any order, across restarts, change the store as if each was made once", () => {
  const attempt = fc.record({ number: fc.integer({ min: 1, max: 20 }), restart: fc.boolean() });
  fc.assert(
    fc.property(fc.array(attempt, { maxLength: 60 }), (attempts) => {
      let applying = new Applying(new KvMachine());
      applying.one({ kind: "session-open" });
      const answers = new Map<number, unknown>();
      for (const { number, restart } of attempts) {
        const answer = applying.one(once(number, put("k", `${number}`)));
        if (answers.has(number)) expect(answer).toEqual(answers.get(number));
        answers.set(number, answer);
        if (!restart) continue;
        const restored = new KvMachine();
        restored.restore(applying.machine.snapshot());
        applying = new Applying(restored, applying.index);
      }
      const { store } = applying.machine;
      expect(store.revision).toBe(1 + answers.size);
      expect(store.range(ALL_KEYS).versions[0]?.version ?? 0).toBe(answers.size);
    }),
    { numRuns: 200 },
  );
});

test("a write is repeated on another member after a change of leader, and has taken effect once", async () => {
  const network = new MemoryNetwork();
  const peers = { n1: "", n2: "", n3: "" };
  const members = await Promise.all(
    Object.keys(peers).map((name) => open({ name, peers, transport: network.transport() })),
  );
  await Promise.all(members.map((member) => member.ready()));
  const leader = members.find((member) => member.status().role === "leader")!;
  const [next, other] = members.filter((member) => member !== leader);

  const session = await leader.session();
  const answer = await session.once(1).put("a", "1");
  await leader.put("a", "2");
  await leader.cluster.transfer(next!.status().name);
  await leader.close();
  const again = await other!.session({ id: session.id });
  expect(await again.once(1).put("a", "1")).toEqual(answer);
  expect(await next!.get("a")).toBe("2");
  await Promise.all(members.map((member) => member.close()));
});
