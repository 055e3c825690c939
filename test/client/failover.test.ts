import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from "@grpc/grpc-js";
import { afterEach, describe, expect, test, vi } from "vitest";
import { freePorts } from "../../examples/kubernetes/free-ports.ts";
import { connect } from "../../src/client/connect.ts";
import type { RemoteStore } from "../../src/client/remote-store.ts";
import { type EtcdServer, serveEtcd } from "../../src/etcd/server.ts";
import { open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";
import { tcp } from "../../src/transport/tcp/tcp-transport.ts";
import { METHODS } from "../../src/wire/services.ts";
import { etcdVersion, startEtcd } from "../etcd/support/real-etcd.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Member {
  readonly store: Store<string>;
  readonly server: EtcdServer;
}

/** Three members in this process, each with a front of its own. */
async function cluster(): Promise<Member[]> {
  const ports = await freePorts(3);
  const peers = Object.fromEntries(ports.map((port, at) => [`n${at + 1}`, `127.0.0.1:${port}`]));
  const stores = await Promise.all(
    Object.keys(peers).map((name) =>
      open({ name, peers, transport: tcp(), limits: { tickMs: 20, electionTicks: 10 } }),
    ),
  );
  ends.push(() => Promise.all(stores.map((store) => store.close())));
  await Promise.all(stores.map((store) => store.ready()));
  return Promise.all(
    stores.map(async (store) => {
      const server = await serveEtcd(store, { listen: { host: "127.0.0.1", port: 0 }, electionMs: 200 });
      ends.push(() => server.close());
      return { store, server };
    }),
  );
}

async function connected(endpoints: readonly string[], more: object = {}): Promise<RemoteStore<string>> {
  const store = await connect({ endpoints, ...more });
  ends.push(() => store.close());
  return store;
}

const urlOf = ({ server }: Member): string => server.urls[0]!;

/** A server that takes puts, and does with them what it is told. */
async function stub(onPut: (answer: sendUnaryData<Uint8Array>, server: Server) => void) {
  const state = { puts: 0, endpoint: "" };
  const server = new Server();
  const path = METHODS.put.path;
  const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  server.register(
    path,
    (_call: ServerUnaryCall<Uint8Array, Uint8Array>, answer: sendUnaryData<Uint8Array>) => {
      state.puts += 1;
      onPut(answer, server);
    },
    asIs,
    asIs,
    "unary",
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  state.endpoint = `127.0.0.1:${port}`;
  ends.push(() => server.forceShutdown());
  return state;
}

describe("a client of several servers", () => {
  test("goes on with another when its own ends: reads, writes, watches and leases", async () => {
    const members = await cluster();
    const client = await connected(members.map(urlOf));
    const watch = client.watch({ prefix: "w/" });
    const lease = await client.lease(2_000);
    await client.put("held", "1", { lease });
    const seen: string[] = [];
    const watched = (async () => {
      for await (const event of watch) {
        if (event.type === "put") seen.push(event.entry.value);
        if (event.type === "put" && event.entry.value === "end") return;
      }
    })();
    const written: string[] = [];
    const write = async (value: string): Promise<void> => {
      await client.put("w/k", value);
      written.push(value);
    };
    for (let at = 0; at < 20; at++) await write(`a${at}`);
    await members[0]!.server.close();
    for (let at = 0; at < 20; at++) await write(`b${at}`).catch(() => {});
    await members[1]!.server.close();
    for (let at = 0; at < 20; at++) await write(`c${at}`).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, lease.ttlMs * 1.2));
    await write("end");
    await watched;

    expect(seen.filter((value) => written.includes(value))).toEqual(written);
    expect(new Set(seen).size).toBe(seen.length);
    expect(lease.signal.aborted).toBe(false);
    expect(await client.get("held")).toBe("1");
  }, 40_000);

  test("takes the first that can be reached, also for writes", async () => {
    const members = await cluster();
    const [free] = await freePorts(1);
    const client = await connected([`127.0.0.1:${free}`, urlOf(members[0]!)]);
    await client.put("a", "1");
    expect(await client.get("a")).toBe("1");
  });

  test("says that a write may have happened that was on its way when the client was closed", async () => {
    const silent = await stub(() => {});
    const client = await connected([silent.endpoint]);
    const writing = client.put("a", "1").catch((error: unknown) => error);
    await vi.waitFor(() => expect(silent.puts).toBe(1), { timeout: 10_000 });
    await client.close();
    expect(await writing).toMatchObject({ code: "ERR_CLOSED", outcome: "unknown" });
  });

  test("says that a write may have happened whose answer was too large to send", async () => {
    const answers = ["grpc: trying to send message larger than max (9 vs. 4)"];
    const full = await stub((answer) => answer({ code: 8, details: answers[0]! }));
    const client = await connected([full.endpoint]);
    await expect(client.put("a", "1")).rejects.toMatchObject({ code: "ERR_TOO_LARGE", outcome: "unknown" });
    answers[0] = "grpc: received message larger than max (9 vs. 4)";
    await expect(client.put("a", "1")).rejects.toMatchObject({ code: "ERR_TOO_LARGE", outcome: "none" });
  });

  test("does not repeat a write that was sent and not answered, and says that it may have happened", async () => {
    const silent = await stub(() => {});
    const broken = await stub((_answer, server) => setTimeout(() => server.forceShutdown(), 10));
    const other = await stub((answer) => answer(null, METHODS.put.response.encode({})));
    for (const first of [silent, broken]) {
      const client = await connected([first.endpoint, other.endpoint]);
      const refused = client.put("a", "1", { timeoutMs: 500 });
      await expect(refused).rejects.toMatchObject({ outcome: "unknown", retryable: true });
    }
    expect([silent.puts, broken.puts, other.puts]).toEqual([1, 1, 0]);
  });

  test("repeats a write that the server did not take", async () => {
    const leaderless = await stub((answer) => answer({ code: 14, details: "etcdserver: no leader" }));
    const other = await stub((answer) => answer(null, METHODS.put.response.encode({})));
    const client = await connected([leaderless.endpoint, other.endpoint]);
    await client.put("a", "1");
    expect([leaderless.puts, other.puts]).toEqual([1, 1]);
  });

  test("does not repeat what etcd leaves open, whatever it says about it", async () => {
    for (const details of [
      "etcdserver: request timed out",
      "etcdserver: request timed out, possibly due to previous leader failure",
      "etcdserver: server stopped",
      "etcdserver: leader changed",
    ]) {
      const first = await stub((answer) => answer({ code: 14, details }));
      const client = await connected([first.endpoint]);
      await expect(client.put("a", "1")).rejects.toMatchObject({ outcome: "unknown" });
      expect(first.puts).toBe(1);
    }
  });

  test("fails in time when nobody answers, and nothing has happened then", async () => {
    const [free] = await freePorts(1);
    const client = await connected([`127.0.0.1:${free}`], { callTimeoutMs: 300 });
    await expect(client.put("a", "1")).rejects.toMatchObject({ code: "ERR_NO_QUORUM", outcome: "none" });
    await expect(client.ready({ timeoutMs: 100 })).rejects.toMatchObject({ code: "ERR_NO_QUORUM" });
    // Writes wait for watches that were begun before, but not longer than they may take themselves.
    const watch = client.watch("a");
    await expect(client.put("a", "1")).rejects.toMatchObject({ code: "ERR_NO_QUORUM", outcome: "none" });
    await watch.close();
    const reason = new Error("enough");
    const abort = new AbortController();
    const waiting = client.get("a", { signal: abort.signal });
    abort.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test("makes no sense of endpoints that are none", async () => {
    for (const endpoints of [[], [""], ["nowhere"], ["ftp://a:1"], ["a:b"]]) {
      await expect(connect({ endpoints })).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    }
  });
});

describe.skipIf(etcdVersion === null)("users and passwords (needs etcd)", () => {
  test("are proved once, and again when the server has forgotten", async () => {
    const etcd = await startEtcd(["--auth-token-ttl", "1"]);
    ends.push(() => etcd.stop());
    const root = await connected([etcd.endpoint], { auth: { user: "root", password: "secret" } });
    // Before users count nobody needs to prove anything.
    await root.put("a", "1");
    await enableAuth(etcd.endpoint);
    expect(await root.get("a")).toBe("1");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await root.put("a", "2");
    expect(await root.get("a")).toBe("2");

    const nobody = await connected([etcd.endpoint]);
    await expect(nobody.put("a", "3")).rejects.toMatchObject({ code: "ERR_AUTH_REQUIRED", outcome: "none" });
    const wrong = await connected([etcd.endpoint], { auth: { user: "root", password: "guessed" } });
    await expect(wrong.put("a", "3")).rejects.toMatchObject({ code: "ERR_AUTH_FAILED", outcome: "none" });
  }, 20_000);
});

/** Makes users count, as etcd's gateway takes it. */
async function enableAuth(endpoint: string): Promise<void> {
  for (const [path, body] of [
    ["auth/user/add", { name: "root", password: "secret" }],
    ["auth/role/add", { name: "root" }],
    ["auth/user/grant", { user: "root", role: "root" }],
    ["auth/enable", {}],
  ] as const) {
    const answer = await fetch(`http://${endpoint}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  }
}
