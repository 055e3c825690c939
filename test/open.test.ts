import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { freePorts } from "../examples/kubernetes/free-ports.ts";
import { QuorateError } from "../src/base/errors.ts";
import { open } from "../src/open.ts";
import { MemoryStorage } from "../src/storage/memory-storage.ts";
import type { Store } from "../src/store.ts";
import { MemoryNetwork } from "../src/transport/memory-transport.ts";
import { tcp } from "../src/transport/tcp/tcp-transport.ts";

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

test("a member that was away is sent a snapshot, over the socket and onto its disk", async () => {
  const [a, b, c] = await freePorts(3);
  const peers = { n1: `127.0.0.1:${a}`, n2: `127.0.0.1:${b}`, n3: `127.0.0.1:${c}` };
  const limits = { snapshotEntries: 50, trailingEntries: 10 };
  const start = (name: string) => opened({ dir: join(folder, name), name, peers, limits });
  const [one, two, three] = await Promise.all(Object.keys(peers).map(start));
  await Promise.all([one!, two!, three!].map((member) => member.ready()));
  await three!.close();

  // A megabyte of values takes several chunks.
  const writes = Array.from({ length: 200 }, (_, at) => one!.put(`key/${at}`, String(at).repeat(5000)));
  await Promise.all(writes);
  await two!.ready();
  expect(one!.status().snapshot).toBeGreaterThan(0);

  const back = await start("n3");
  await back.ready();
  expect(back.status().snapshot).toBeGreaterThan(50);
  expect(await back.get("key/199")).toBe("199".repeat(5000));
  const hashes = await Promise.all([one!, two!, back].map((member) => member.hash()));
  expect(new Set(hashes.map(({ hash, revision }) => `${revision} ${hash}`)).size).toBe(1);

  // And it starts again from what it was sent.
  await back.close();
  const again = await start("n3");
  expect(await again.get("key/7")).toBe("7".repeat(5000));
});

test("a cluster of one grows to three, over sockets", async () => {
  const [a, b, c] = await freePorts(3);
  const first = await opened({ dir: join(folder, "n1"), name: "n1", peers: { n1: `127.0.0.1:${a}` } });
  await first.put("a", "1");
  for (const [name, port] of [
    ["n2", b],
    ["n3", c],
  ] as const) {
    const ticket = await first.cluster.add({ name, address: `127.0.0.1:${port}` });
    const added = await opened({ dir: join(folder, name), name, join: ticket });
    await added.ready();
    await first.cluster.promote(name);
    expect(await added.get("a")).toBe("1");
  }
  expect(first.cluster.members.map(({ name }) => name).toSorted()).toEqual(["n1", "n2", "n3"]);
  await first.close();
  const [, second, third] = stores;
  await second!.put("a", "2");
  expect(await third!.get("a")).toBe("2");
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
  ["checkpoints that would never end", { limits: { checkpointEntries: 3 } }, "limits.checkpointEntries"],
  ["values of an unknown kind", { values: "xml" }, "values"],
])("%s is refused by name", async (_what, options, argument) => {
  const error = await failure(open(options as Parameters<typeof open>[0]));
  expect([error.code, error.details]).toMatchObject(["ERR_INVALID_ARGUMENT", { argument }]);
});

test("a directory that is open is locked, in this process and in another", async () => {
  const store = await opened(folder);
  const error = await failure(open(folder));
  expect([error.code, error.details]).toEqual([
    "ERR_LOCKED",
    { directory: folder, pid: process.pid, host: hostname() },
  ]);

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
  const store = await opened({ dir: folder, name: "n1", clusterName: "one" });
  await store.put("a", "1");
  await store.close();

  const other = await failure(open({ dir: folder, name: "n1", clusterName: "two" }));
  expect([other.code, other.details]).toMatchObject(["ERR_IDENTITY_MISMATCH", { field: "clusterId" }]);
  const again = await opened({ dir: folder, name: "n1", clusterName: "one" });
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
  const one = await opened({ dir: join(folder, "n1"), name: "n1", peers, clusterName: "one" });
  const refusal = new Promise<QuorateError>((resolve) => one.once("refused", resolve));
  await opened({ dir: join(folder, "n2"), name: "n2", peers, clusterName: "two" });
  expect((await refusal).code).toBe("ERR_IDENTITY_MISMATCH");
  expect((await failure(one.put("a", "1", { timeoutMs: 100 }))).code).toBe("ERR_NO_QUORUM");
});

test("a write without a quorum fails in its time and certainly did not happen", async () => {
  const [a, b] = await freePorts(2);
  const peers = { n1: `127.0.0.1:${a}`, n2: `127.0.0.1:${b}` };
  const store = await opened({ dir: folder, name: "n1", peers });
  const error = await failure(store.put("a", "1", { timeoutMs: 200 }));
  expect([error.code, error.outcome, error.retryable]).toEqual(["ERR_NO_QUORUM", "none", true]);
});

test("a value over the limit is refused before anything is sent", async () => {
  const store = await opened(folder);
  const error = await failure(store.put("a", "x".repeat(2_000_000)));
  expect([error.code, error.outcome]).toEqual(["ERR_TOO_LARGE", "none"]);
  expect(await store.get("a")).toBeUndefined();
});

test("members that refuse each other say why when nobody can lead", async () => {
  const [a, b] = await freePorts(2);
  const peers = { n1: `127.0.0.1:${a}`, n2: `127.0.0.1:${b}` };
  const one = await opened({ name: "n1", peers, transport: tcp({ secret: "one" }) });
  const refused = new Promise((resolve) => one.on("refused", resolve));
  const other = await opened({ name: "n2", peers, transport: tcp({ secret: "another" }) });
  await refused;
  for (const member of [one, other]) {
    const error = await failure(member.ready({ timeoutMs: 100 }));
    expect(error.code).toBe("ERR_NO_QUORUM");
    expect(error.message).toContain("wrong secret");
    expect(error.cause).toMatchObject({ code: "ERR_IDENTITY_MISMATCH", details: { field: "secret" } });
  }
});

test("a start that cannot be says what to look at", async () => {
  const peers = { n1: "127.0.0.1:0", n2: "127.0.0.1:1" };
  const dir = join(folder, "n1");
  await (await open({ dir, name: "n1", peers })).close();
  const told = async (options: Parameters<typeof open>[0]) => (await failure(open(options))).message;
  expect(await told({ dir, name: "n2", peers: { ...peers, n2: "127.0.0.1:0" } })).toContain(
    "look at dir and name",
  );
  expect(await told(dir)).toContain("look at peers and clusterName");
  expect(await told({ name: "n1", peers: { ...peers, n1: "127.0.0.1" } })).toBe(
    'cannot listen on "127.0.0.1": it must be host:port',
  );
  const file = join(folder, "file");
  writeFileSync(file, "");
  expect(await failure(open(file))).toMatchObject({
    code: "ERR_FOREIGN_DIRECTORY",
    details: { directory: file, found: ["file"] },
  });
});

test("names are enough for members whose network needs no addresses; TCP asks for them", async () => {
  const network = new MemoryNetwork();
  const peers = ["n1", "n2", "n3"];
  const members = await Promise.all(
    peers.map((name) => opened({ name, peers, transport: network.transport() })),
  );
  await members[0]!.put("a", "1");
  expect(await members[2]!.get("a")).toBe("1");
  const refused = { code: "ERR_INVALID_ARGUMENT", details: { argument: "peers" } };
  await expect(open({ name: "n1", peers })).rejects.toMatchObject(refused);
  await expect(open({ name: "n1", peers: ["n1", "n1"] })).rejects.toMatchObject(refused);
  await expect(open({ name: "n1", peers, transport: tcp() })).rejects.toMatchObject({ code: "ERR_LISTEN" });
});
