import { afterEach, describe, expect, test } from "vitest";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { METHODS, type Method } from "../../src/wire/services.ts";
import { caller, Opened, READ, READWRITE, served, Users, WRITE } from "./auth-support.ts";

const opened = new Opened();
afterEach(() => opened.close());

const NO_NAME = "etcdserver: user name is empty";
const DENIED = "etcdserver: permission denied";
const NO_TOKEN = "etcdserver: invalid auth token";

type AnyMethod = Method<object, object>;
const methods = Object.entries(METHODS) as unknown as [keyof typeof METHODS, AnyMethod][];

describe("every method that is served", () => {
  /** What anybody may call. */
  const OPEN = ["authStatus", "authenticate", "healthCheck", "healthWatch"];
  /** What a user without a role may call, besides: nothing here tells or changes a key. */
  const HARMLESS = ["leaseGrant", "leaseKeepAlive", "leaseLeases", "memberList", "alarm", "status"];
  /** Requests that are refused as they are, had they not to be authorised first. */
  const REQUESTS: Partial<Record<keyof typeof METHODS, object>> = {
    range: { key: "k" },
    rangeStream: { key: "k" },
    put: { key: "k", value: "v" },
    deleteRange: { key: "k" },
    txn: { compare: [{ key: "k" }] },
    leaseRevoke: { id: "7" },
    leaseTimeToLive: { id: "7", keys: true },
    leaseKeepAlive: { id: "7" },
    unlock: { key: "k" },
    userGet: { name: "root" },
    roleGet: { role: "root" },
    proclaim: { leader: { name: "n", key: "n/7", rev: 1, lease: "7" } },
    resign: { leader: { name: "n", key: "n/7", rev: 1, lease: "7" } },
    watch: { createRequest: { key: "k", rangeEnd: "" } },
    lock: { name: "l", lease: "7" },
    campaign: { name: "n", lease: "7", value: "v" },
  };

  /** The text of the refusal, or `ok`; for streams after one request. */
  async function outcomeOf(
    from: ReturnType<typeof caller>,
    [name, method]: (typeof methods)[0],
  ): Promise<string> {
    if (method.streams === "neither") return from.try(method, REQUESTS[name] ?? {});
    const stream = from.stream(method);
    stream.send(REQUESTS[name] ?? {});
    const outcome = await stream.next();
    stream.cancel();
    if ("text" in outcome) return outcome.text;
    const { cancelReason = "" } = outcome.response as { readonly cancelReason?: string };
    return cancelReason.replace(/^rpc error: code = \w+ desc = /, "") || "ok";
  }

  test("refuses who shows no token, whose token is unknown, and who has no permission, unless it is on the list", async () => {
    const { store, url } = await served(opened);
    await store.put("k", "secret");
    await store.lease(600_000, { id: "7" });
    const users = await Users.enable(opened, url);
    const nobody = caller(opened, url);
    const forger = caller(opened, url, "made-up.1");
    const powerless = await users.add("powerless");
    for (const entry of methods) {
      const [name] = entry;
      if (name === "authenticate") continue; // It is how one begins, and refuses by itself.
      const isOpen = OPEN.includes(name);
      expect([name, await outcomeOf(nobody, entry)]).toEqual([name, isOpen ? "ok" : NO_NAME]);
      expect([name, await outcomeOf(forger, entry)]).toEqual([name, isOpen ? "ok" : NO_TOKEN]);
      const isHarmless =
        isOpen || HARMLESS.includes(name) || name === "leaseRevoke" || name === "leaseTimeToLive";
      expect([name, await outcomeOf(powerless, entry)]).toEqual([name, isHarmless ? "ok" : DENIED]);
    }
    expect(await store.get("k")).toBe("secret");
  });

  test("refuses the same over HTTP with JSON", async () => {
    const { url } = await served(opened);
    await Users.enable(opened, url);
    for (const [name, method] of methods) {
      if (OPEN.includes(name)) continue;
      for (const path of method.gateway) {
        const body = JSON.stringify(
          method.request.toJson(method.request.decode(method.request.encode(REQUESTS[name] ?? {}))),
        );
        const response = await fetch(url + path, { method: "POST", body });
        const reader = response.body!.getReader();
        const { value } = await reader.read();
        await reader.cancel();
        expect([path, Buffer.from(value!).toString()]).toEqual([path, expect.stringContaining(NO_NAME)]);
      }
    }
  });
});

describe("a token", () => {
  test("that is missing, unknown or of a user that has changed: three cases, as in etcd", async () => {
    const { url } = await served(opened);
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann", [READWRITE, "a", "b"]);
    expect(await ann.call(METHODS.put, { key: "a1" })).toMatchObject({ response: {} });
    expect(await caller(opened, url).call(METHODS.put, { key: "a1" })).toEqual({ code: 3, text: NO_NAME });
    const wrong = await caller(opened, url, "no.99999999").call(METHODS.put, { key: "a1" });
    expect(wrong).toEqual({ code: 16, text: NO_TOKEN });

    await users.root.must(METHODS.userChangePassword, { name: "ann", password: "ann's" });
    expect(await ann.call(METHODS.put, { key: "a1" })).toEqual({ code: 16, text: NO_TOKEN });
    expect(await (await users.login("ann")).try(METHODS.put, { key: "a1" })).toBe("ok");
  });

  test("survives a change of permissions, which counts from the next call on", async () => {
    const { url } = await served(opened);
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann", [WRITE, "a"]);
    expect(await ann.try(METHODS.put, { key: "a" })).toBe("ok");
    await users.root.must(METHODS.roleRevokePermission, { role: "ann", key: "a" });
    expect(await ann.try(METHODS.put, { key: "a" })).toBe(DENIED);
  });

  test("ends with its user, and with authentication", async () => {
    const { url } = await served(opened);
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann");
    await users.root.must(METHODS.userDelete, { name: "ann" });
    expect(await ann.try(METHODS.memberList)).toBe(NO_TOKEN);
    await users.root.must(METHODS.authDisable);
    expect(await ann.try(METHODS.put, { key: "k" })).toBe("ok");
    await users.root.must(METHODS.authEnable);
    expect(await users.root.try(METHODS.userList)).toBe(NO_TOKEN);
  });

  test("of one member is good on all others at once", async () => {
    const network = new MemoryNetwork();
    const peers = { n1: "n1:1", n2: "n2:1", n3: "n3:1" };
    const members = await Promise.all(
      Object.keys(peers).map((name) => served(opened, { name, peers, transport: network.transport() })),
    );
    const users = await Users.enable(opened, members[0]!.url);
    for (let round = 0; round < 3; round++) {
      for (const from of members) {
        const token = await caller(opened, from.url).login("root", "root's");
        for (const to of members) {
          expect(await caller(opened, to.url, token).try(METHODS.userList)).toBe("ok");
        }
      }
    }
    expect(await users.root.try(METHODS.userList)).toBe("ok");
  });

  test("is not to be had for a wrong password, a wrong name, or a user without a password", async () => {
    const { url } = await served(opened);
    const nobody = caller(opened, url);
    const login = (name: string, password: string) => nobody.call(METHODS.authenticate, { name, password });
    expect(await login("root", "")).toEqual({ code: 9, text: "etcdserver: authentication is not enabled" });
    const users = await Users.enable(opened, url);
    await users.root.must(METHODS.userAdd, { name: "cert", options: { noPassword: true } });
    const wrong = { code: 3, text: "etcdserver: authentication failed, invalid user ID or password" };
    expect(await login("root", "roots")).toEqual(wrong);
    expect(await login("nobody", "root's")).toEqual(wrong);
    expect(await login("cert", "")).toEqual(wrong);
    expect(await login("", "")).toEqual(wrong);
    expect(await login("__proto__", "")).toEqual(wrong);
  });

  test("may be shown as an authorization header, too", async () => {
    const { url } = await served(opened);
    await Users.enable(opened, url);
    const token = await caller(opened, url).login("root", "root's");
    for (const authorization of [token, `Bearer ${token}`]) {
      const response = await fetch(`${url}/v3/auth/user/list`, {
        method: "POST",
        body: "{}",
        headers: { authorization },
      });
      expect(await response.json()).toMatchObject({ users: ["root"] });
    }
  });
});

describe("a stream", () => {
  test("of a watch that may not be begun says so in its first response, and goes on for others", async () => {
    const { store, url } = await served(opened);
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann", [READ, "a", "b"]);
    const watch = ann.stream(METHODS.watch);
    const create = (key: string, rangeEnd = "") => {
      watch.send({ createRequest: { ...CREATE, key, rangeEnd } });
      return watch.next();
    };
    const refused = { created: true, canceled: true, watchId: -1 };
    const cancelReason = `rpc error: code = PermissionDenied desc = ${DENIED}`;
    expect(await create("b")).toMatchObject({ response: { ...refused, cancelReason } });
    expect(await create("a", "c")).toMatchObject({ response: { ...refused, cancelReason } });
    expect(await create("a", "b")).toMatchObject({
      response: { created: true, canceled: false, watchId: 0 },
    });
    await store.put("a1", "seen");
    expect(await watch.next()).toMatchObject({ response: { events: [{ kv: { key: "a1" } }] } });
    watch.cancel();

    const nobody = caller(opened, url).stream(METHODS.watch);
    nobody.send({ createRequest: { ...CREATE, key: "a" } });
    const without = `rpc error: code = InvalidArgument desc = ${NO_NAME}`;
    expect(await nobody.next()).toMatchObject({ response: { ...refused, cancelReason: without } });
    nobody.cancel();
  });

  test("of a watch tells nothing more once its permission is taken back, its user deleted, or authentication begun", async () => {
    const { store, url } = await served(opened);
    const early = caller(opened, url).stream(METHODS.watch);
    early.send({ createRequest: { ...CREATE, key: "a" } });
    expect(await early.next()).toMatchObject({ response: { created: true } });

    const users = await Users.enable(opened, url);
    const ann = await users.add("ann", [READ, "a"]);
    const watch = ann.stream(METHODS.watch);
    watch.send({ createRequest: { ...CREATE, key: "a" } });
    expect(await watch.next()).toMatchObject({ response: { created: true, canceled: false } });
    await users.root.must(METHODS.roleRevokePermission, { role: "ann", key: "a" });
    await store.put("a", "secret");
    const canceled = { canceled: true, events: [] };
    expect(await watch.next()).toMatchObject({ response: { ...canceled, watchId: 0 } });
    expect(await early.next()).toMatchObject({ response: { ...canceled, watchId: 0 } });
    watch.cancel();
    early.cancel();
  });

  test("of keep-alives is refused to strangers, and ends when its user has changed or is gone", async () => {
    const { store, url } = await served(opened);
    await store.lease(600_000, { id: "7" });
    const users = await Users.enable(opened, url);
    const ann = await users.add("ann");
    const stream = ann.stream(METHODS.leaseKeepAlive);
    stream.send({ id: "7" });
    expect(await stream.next()).toMatchObject({ response: { id: "7", ttl: 600 } });
    const second = ann.stream(METHODS.leaseKeepAlive);
    second.send({ id: "7" });
    expect(await second.next()).toMatchObject({ response: { id: "7", ttl: 600 } });
    await users.root.must(METHODS.userChangePassword, { name: "ann", password: "ann's" });
    stream.send({ id: "7" });
    expect(await stream.next()).toEqual({ code: 3, text: "etcdserver: revision of auth store is old" });
    await users.root.must(METHODS.userDelete, { name: "ann" });
    second.send({ id: "7" });
    expect(await second.next()).toMatchObject({ text: DENIED });
  });
});

const CREATE = {
  key: "",
  rangeEnd: "",
  startRevision: 0,
  progressNotify: false,
  filters: [],
  prevKv: false,
  watchId: 0,
  fragment: false,
};
