import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AUDIT_CHANNEL, type AuditEvent } from "../../../src/etcd/call/audit.ts";
import { METHODS } from "../../../src/wire/services.ts";
import { WatchCreateRequest } from "../../../src/wire/watch-messages.ts";
import { Caller } from "../auth-support.ts";
import { post } from "../support/http.ts";
import { type ServedStore, serveStore } from "../support/served-store.ts";

let served: ServedStore;
let events: AuditEvent[];
const hear = (event: unknown): void => void events.push(event as AuditEvent);

beforeEach(() => {
  events = [];
  subscribe(AUDIT_CHANNEL, hear);
});
afterEach(async () => {
  unsubscribe(AUDIT_CHANNEL, hear);
  await served.stop();
});

/** Root, and ann who may read what begins with `a`. */
async function withUsers(): Promise<{ root: Caller; ann: Caller; close: () => void }> {
  const { endpoint } = served;
  const nobody = new Caller(endpoint);
  for (const [name, password] of [
    ["root", "root's secret"],
    ["ann", "ann's secret"],
  ] as const)
    await nobody.must(METHODS.userAdd, { name, password });
  await nobody.must(METHODS.userGrantRole, { user: "root", role: "root" });
  await nobody.must(METHODS.roleAdd, { name: "reader" });
  await nobody.must(METHODS.roleGrantPermission, {
    name: "reader",
    perm: { permType: 0, key: "a", rangeEnd: "b" },
  });
  await nobody.must(METHODS.userGrantRole, { user: "ann", role: "reader" });
  await nobody.must(METHODS.authEnable, {});
  const [root, ann] = await Promise.all(
    ["root", "ann"].map(async (name) => new Caller(endpoint, await nobody.login(name, `${name}'s secret`))),
  );
  const close = (): void => {
    for (const caller of [nobody, root!, ann!]) caller.close();
  };
  return { root: root!, ann: ann!, close };
}

const named = (method: { readonly path: string }) => events.filter((event) => event.method === method.path);

test("changes of users and roles are told of, with who made them, from where, and what came of it; no secret is", async () => {
  served = await serveStore();
  const { root, close } = await withUsers();
  expect(named(METHODS.roleGrantPermission)).toMatchObject([
    { user: "", about: { name: "reader", perm: { permType: "READ", key: "a", rangeEnd: "b" } }, code: 0 },
  ]);
  const before = Date.now();
  await root.must(METHODS.userChangePassword, { name: "ann", password: "new secret" });
  expect(await root.try(METHODS.userDelete, { name: "nobody" })).toContain("user name not found");
  expect(named(METHODS.userChangePassword)).toMatchObject([
    { user: "root", member: "member", about: { name: "ann" }, code: 0, message: "" },
  ]);
  const [{ address, time }] = named(METHODS.userChangePassword) as [AuditEvent];
  expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
  expect(time).toBeGreaterThanOrEqual(before);
  expect(named(METHODS.userDelete)).toMatchObject([
    { user: "root", about: { name: "nobody" }, code: 9, message: "etcdserver: user name not found" },
  ]);
  expect(JSON.stringify(events)).not.toMatch(/secret|password/);
  close();
});

test("logins are told of, those that fail too, and the token of none", async () => {
  served = await serveStore();
  const { root, close } = await withUsers();
  const guesser = new Caller(served.endpoint);
  const token = await guesser.login("ann", "ann's secret");
  await guesser.try(METHODS.authenticate, { name: "root", password: "guess" });
  expect(named(METHODS.authenticate).slice(-2)).toMatchObject([
    { about: { name: "ann" }, code: 0 },
    {
      about: { name: "root" },
      code: 3,
      message: "etcdserver: authentication failed, invalid user ID or password",
    },
  ]);
  await post(`http://${served.endpoint}/v3/auth/authenticate`, { name: "ann", password: "wrong" });
  expect(named(METHODS.authenticate).at(-1)).toMatchObject({ about: { name: "ann" }, code: 3 });
  expect(JSON.stringify(events)).not.toContain(token.slice(0, 10));
  for (const caller of [guesser, root]) caller.close();
  close();
});

test("whoever is not let is told of, whatever was called", async () => {
  served = await serveStore();
  const { ann, close } = await withUsers();
  const stranger = new Caller(served.endpoint);
  const forged = new Caller(served.endpoint, "forged.1");
  events = [];
  await ann.try(METHODS.range, { key: "a" });
  await ann.try(METHODS.range, { key: "z" });
  await ann.try(METHODS.put, { key: "a", value: "v" });
  await ann.try(METHODS.memberAdd, { peerUrls: ["http://127.0.0.1:1"] });
  await stranger.try(METHODS.range, { key: "a" });
  await forged.try(METHODS.range, { key: "a" });
  expect(events.map(({ user, method, code }) => [user, method.split("/")[2], code])).toEqual([
    ["ann", "Range", 7],
    ["ann", "Put", 7],
    ["ann", "MemberAdd", 7],
    ["", "Range", 3],
    ["", "Range", 16],
  ]);
  expect(events[2]?.about).toEqual({ peerUrls: ["http://127.0.0.1:1"] });
  for (const caller of [stranger, forged]) caller.close();
  close();
});

test("a watch that is refused, or ended, within a stream is told of; the stream goes on", async () => {
  served = await serveStore();
  const { root, ann, close } = await withUsers();
  events = [];
  const stream = ann.stream(METHODS.watch);
  const begin = async (key: string) => {
    stream.send({ createRequest: WatchCreateRequest.of({ key }) });
    return stream.next();
  };
  await begin("z");
  await begin("a");
  await root.must(METHODS.userRevokeRole, { name: "ann", role: "reader" });
  await served.store.put("a", "unseen");
  await stream.next();
  expect(named(METHODS.watch)).toMatchObject([
    { user: "ann", about: { key: "z" }, code: 7, message: "etcdserver: permission denied" },
    { user: "ann", about: { key: "a" }, code: 7, message: "etcdserver: permission denied" },
  ]);
  stream.cancel();
  close();
});

test("writes are told of where that is asked for: their keys, not their values", async () => {
  served = await serveStore({ auditWrites: true });
  const caller = new Caller(served.endpoint);
  await caller.must(METHODS.put, { key: "k", value: "hidden" });
  await caller.must(METHODS.range, { key: "k" });
  await caller.must(METHODS.txn, {
    compare: [{ key: "k", value: "hidden", target: 3 }],
    success: [
      { requestPut: { key: "a", value: "hidden" } },
      { requestDeleteRange: { key: "k", rangeEnd: "\0" } },
    ],
  } as never);
  await caller.must(METHODS.put, { key: "x".repeat(5_000) });
  expect(events.map(({ about }) => about)).toMatchObject([
    { key: "k" },
    {
      compare: [{ key: "k" }],
      success: [{ requestPut: { key: "a" } }, { requestDeleteRange: { key: "k", rangeEnd: "\0" } }],
    },
    { key: `${"x".repeat(256)}…` },
  ]);
  expect(JSON.stringify(events)).not.toContain("hidden");
  caller.close();
});

test("writes are not told of where that is not asked for, nor are questions about alarms", async () => {
  served = await serveStore();
  const caller = new Caller(served.endpoint);
  await caller.must(METHODS.put, { key: "k" });
  await caller.must(METHODS.alarm, { action: 0 });
  expect(events).toEqual([]);
  await caller.must(METHODS.alarm, { action: 1, alarm: 1 });
  await caller.must(METHODS.compact, { revision: 2 });
  expect(events.map(({ about }) => about)).toEqual([
    { action: "ACTIVATE", memberId: "0", alarm: "NOSPACE" },
    { revision: 2 },
  ]);
  caller.close();
});
