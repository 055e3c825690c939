import { createServer, type Socket } from "node:net";
import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { afterEach, expect, test } from "vitest";
import { connect } from "../../src/client/connect.ts";
import type { RemoteStore } from "../../src/client/remote-store.ts";
import { METHODS } from "../../src/wire/services.ts";
import { serveStore } from "../etcd/support/served-store.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function connected(endpoints: readonly string[], more: object = {}): Promise<RemoteStore<string>> {
  const store = await connect({ endpoints, ...more });
  ends.push(() => store.close());
  return store;
}

/** A server that gives tokens and refuses each one; it counts how often it was asked for one. */
async function refusingServer() {
  const state = { authentications: 0, endpoint: "" };
  const server = new Server();
  const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  const refused = { code: status.UNAUTHENTICATED, details: "etcdserver: invalid auth token" };
  const authenticate = (_call: unknown, answer: (error: null, bytes: Uint8Array) => void): void => {
    state.authentications += 1;
    answer(null, METHODS.authenticate.response.encode({ token: `token.${state.authentications}` }));
  };
  server.register(METHODS.authenticate.path, authenticate, asIs, asIs, "unary");
  for (const { path } of [METHODS.put, METHODS.range, METHODS.txn])
    server.register(
      path,
      (_call: unknown, answer: (error: object) => void) => answer(refused),
      asIs,
      asIs,
      "unary",
    );
  for (const { path } of [METHODS.watch, METHODS.leaseKeepAlive])
    server.register(
      path,
      (call: { emit(event: string, error: object): void }) => void call.emit("error", refused),
      asIs,
      asIs,
      "bidi",
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

const auth = { user: "ann", password: "secret" };

test("a call whose token is refused gets one more, and then the error reaches the caller", async () => {
  const server = await refusingServer();
  const client = await connected([server.endpoint], { auth });
  await expect(client.put("a", "1")).rejects.toMatchObject({ code: "ERR_AUTH_TOKEN", outcome: "none" });
  expect(server.authentications).toBe(2);
  await expect(client.get("a")).rejects.toMatchObject({ code: "ERR_AUTH_TOKEN" });
  expect(server.authentications).toBeLessThanOrEqual(4);
});

test("calls that need a token at the same time share one authentication", async () => {
  const server = await refusingServer();
  const client = await connected([server.endpoint], { auth });
  const calls = Array.from({ length: 50 }, (_, at) => client.put(`k${at}`, "1"));
  for (const outcome of await Promise.allSettled(calls)) expect(outcome.status).toBe("rejected");
  expect(server.authentications).toBeLessThan(10);
});

test("a watch whose token is refused gets one more, and then fails", async () => {
  const server = await refusingServer();
  const client = await connected([server.endpoint], { auth });
  const watch = client.watch({ prefix: "a" });
  await expect(
    (async () => {
      for await (const _event of watch) break;
    })(),
  ).rejects.toMatchObject({ code: "ERR_AUTH_TOKEN" });
  expect(server.authentications).toBe(2);
});

test("a server that accepts connections and never answers does not keep a client from the others", async () => {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const served = await serveStore();
  ends.push(() => served.stop());
  const { port } = silent.address() as { port: number };
  const client = await connected([`127.0.0.1:${port}`, served.endpoint], { callTimeoutMs: 8_000 });
  expect(await client.put("a", "1")).toMatchObject({ revision: expect.any(Number) });
  expect(await client.get("a")).toBe("1");
}, 20_000);
