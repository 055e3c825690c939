import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { QuorateError } from "../src/base/errors.ts";
import { open } from "../src/open.ts";
import { MemoryStorage } from "../src/storage/memory-storage.ts";
import type { Store } from "../src/store.ts";

let folder: string;
let stores: Store<unknown>[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quorate-open-"));
});

afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
  rmSync(folder, { recursive: true, force: true });
});

/** Opens a store that the test need not close. */
async function opened(options: Parameters<typeof open>[0]): Promise<Store<unknown>> {
  const store = (await open(options)) as Store<unknown>;
  stores.push(store);
  return store;
}

async function failure(call: Promise<unknown>): Promise<QuorateError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!QuorateError.is(error)) throw new Error(`expected a coded error, got ${String(error)}`);
  return error;
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

test("what was put is there after the store was closed and opened again", async () => {
  const store = await opened(folder);
  const { revision } = await store.put("greeting", "hello");
  await store.close();
  const again = await opened(folder);
  expect(await again.entry("greeting")).toMatchObject({ value: "hello", modRevision: revision, version: 1 });
});

test("three members on disks and sockets agree, whoever is asked", async () => {
  const [a, b, c] = await freePorts(3);
  const peers = { n1: `127.0.0.1:${a}`, n2: `127.0.0.1:${b}`, n3: `127.0.0.1:${c}` };
  const members = await Promise.all(
    Object.keys(peers).map((name) => opened({ dir: join(folder, name), name, peers, values: "json" })),
  );
  await Promise.all(members.map((member) => member.ready()));
  await Promise.all(members.map((member, at) => member.put(`key/${at}`, { at })));
  for (const member of members) expect(await member.range({ prefix: "key/" }).count()).toBe(3);
  expect(new Set(members.map((member) => member.status().leader)).size).toBe(1);
});

test.each([
  ["an unknown option", { dirr: "x" }, "dirr"],
  ["both a directory and a storage", { dir: "x", storage: new MemoryStorage() }, "storage"],
  ["an empty directory name", { dir: "" }, "dir"],
  ["peers but no name", { peers: { n1: "127.0.0.1:1" } }, "name"],
  ["a name that is not among the peers", { name: "n2", peers: { n1: "127.0.0.1:1" } }, "peers"],
  ["a name that cannot be one", { name: "a/b" }, "name"],
  ["an unknown limit", { limits: { ticks: 1 } }, "limits.ticks"],
  ["a limit of nothing", { limits: { tickMs: 0 } }, "limits.tickMs"],
  ["values of an unknown kind", { values: "xml" }, "values"],
])("%s is refused by name", async (_what, options, argument) => {
  const error = await failure(open(options as Parameters<typeof open>[0]));
  expect([error.code, error.details]).toMatchObject(["ERR_INVALID_ARGUMENT", { argument }]);
});

test("a directory that is open is locked, in this process and in another", async () => {
  const store = await opened(folder);
  const error = await failure(open(folder));
  expect([error.code, error.details]).toEqual(["ERR_LOCKED", { directory: folder, pid: process.pid }]);

  const program = `import { open } from ${JSON.stringify(join(process.cwd(), "src/index.ts"))};
    open(${JSON.stringify(folder)}).catch((error) => console.log(error.code, error.details.pid));`;
  const { stdout } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 20_000,
  });
  expect(stdout.trim()).toBe(`ERR_LOCKED ${process.pid}`);

  await store.put("still", "mine");
});

test("a directory of another cluster or member is refused, and left as it was", async () => {
  const store = await opened({ dir: folder, name: "n1", cluster: "one" });
  await store.put("a", "1");
  await store.close();

  const other = await failure(open({ dir: folder, name: "n1", cluster: "two" }));
  expect([other.code, other.details]).toMatchObject(["ERR_IDENTITY_MISMATCH", { field: "clusterId" }]);
  const again = await opened({ dir: folder, name: "n1", cluster: "one" });
  expect(await again.get("a")).toBe("1");
});

test("a port in use is an error of `open`, which then holds nothing", async () => {
  const blocker = createServer();
  const port = await new Promise<number>((resolve) => {
    blocker.listen(0, "127.0.0.1", () => resolve((blocker.address() as { port: number }).port));
  });
  const options = {
    dir: folder,
    name: "n1",
    peers: { n1: `127.0.0.1:${port}`, n2: "127.0.0.1:9" },
  };
  const error = await failure(open(options));
  expect([error.code, error.details]).toMatchObject(["ERR_LISTEN", { errno: "EADDRINUSE" }]);

  await new Promise((resolve) => blocker.close(resolve));
  await opened(options);
});

test("a peer of another cluster is refused, and both sides are told", async () => {
  const [a, b] = await freePorts(2);
  const peers = { n1: `127.0.0.1:${a}`, n2: `127.0.0.1:${b}` };
  const one = await opened({ dir: join(folder, "n1"), name: "n1", peers, cluster: "one" });
  const refusal = new Promise<QuorateError>((resolve) => one.once("refused", resolve));
  await opened({ dir: join(folder, "n2"), name: "n2", peers, cluster: "two" });
  expect((await refusal).code).toBe("ERR_IDENTITY_MISMATCH");
  expect((await failure(one.put("a", "1", { timeout: 100 }))).code).toBe("ERR_NO_QUORUM");
});

test("a write without a quorum fails in its time and certainly did not happen", async () => {
  const [a, b] = await freePorts(2);
  const peers = { n1: `127.0.0.1:${a}`, n2: `127.0.0.1:${b}` };
  const store = await opened({ dir: folder, name: "n1", peers });
  const error = await failure(store.put("a", "1", { timeout: 200 }));
  expect([error.code, error.outcome, error.retryable]).toEqual(["ERR_NO_QUORUM", "none", true]);
});

test("a value over the limit is refused before anything is sent", async () => {
  const store = await opened(folder);
  const error = await failure(store.put("a", "x".repeat(2_000_000)));
  expect([error.code, error.outcome]).toEqual(["ERR_TOO_LARGE", "none"]);
  expect(await store.get("a")).toBeUndefined();
});
