import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { freePorts } from "../../../examples/kubernetes/free-ports.ts";
import { serveEtcd } from "../../../src/etcd/server.ts";
import { open } from "../../../src/open.ts";
import { tcp } from "../../../src/transport/tcp/tcp-transport.ts";
import { METHODS } from "../../../src/wire/services.ts";
import { page } from "../support/http.ts";
import { isInstalled, startEtcd } from "../support/real-etcd.ts";
import { RpcClient } from "../support/rpc-client.ts";
import { serveStore } from "../support/served-store.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const metricsOf = async (endpoint: string): Promise<string> =>
  (await page(`http://${endpoint}/metrics`)).text;

/** The value of one line of a page, by its beginning. */
function figureOf(text: string, line: string): number {
  const found = text.split("\n").find((each) => each.startsWith(`${line} `) || each.startsWith(`${line}{`));
  return Number(found?.split(" ").at(-1));
}

/** The labels of each series of a page, by its name. */
function shapes(text: string): Map<string, string> {
  const shapes = new Map<string, string>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    const line = new RegExp(`^${name}(?:_bucket)?\\{([^}]*)\\}`, "m").exec(text);
    const labels = [...(line?.[1] ?? "").matchAll(/(\w+)="/g)].map(([, label]) => label).sort();
    shapes.set(name!, `${type}(${labels.join(",")})`);
  }
  return shapes;
}

test("operations, transactions and leases are counted where they are applied", async () => {
  const served = await serveStore();
  stops.push(served.stop);
  const client = new RpcClient(served.endpoint);
  stops.push(() => client.close());
  await client.ask(METHODS.put, { key: "a" });
  await client.ask(METHODS.range, { key: "a" });
  await client.ask(METHODS.txn, {
    success: [{ requestPut: { key: "b" } }, { requestRange: { key: "a" } }],
  } as never);
  await client.ask(METHODS.txn, { success: [{ requestPut: { key: "c" } }] } as never);
  await client.ask(METHODS.deleteRange, { key: "nothing" });
  const { id } = await client.ask(METHODS.leaseGrant, { ttl: 60 });
  await client.ask(METHODS.leaseRevoke, { id });
  const text = await metricsOf(served.endpoint);
  const counted = ["put", "range", "delete", "txn"].map((what) => figureOf(text, `etcd_mvcc_${what}_total`));
  expect(counted).toEqual([3, 2, 1, 1]);
  expect(figureOf(text, "etcd_debugging_lease_granted_total")).toBe(1);
  expect(figureOf(text, "etcd_debugging_lease_revoked_total")).toBe(1);
  expect(figureOf(text, "etcd_debugging_server_lease_expired_total")).toBe(0);
  const put = 'grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put"';
  expect(text).toContain(`grpc_server_handled_total{${put},grpc_code="OK"} 1`);
  expect(text).toMatch(new RegExp(`^grpc_server_handling_seconds_bucket\\{${put},le="\\+Inf"\\} 1$`, "m"));
  expect(text).toMatch(new RegExp(`^grpc_server_handling_seconds_count\\{${put}\\} 1$`, "m"));
});

test("writes to the disk, and what members send each other, are measured", async () => {
  const directory = mkdtempSync(join(tmpdir(), "quorate-metrics-"));
  stops.push(() => rmSync(directory, { recursive: true }));
  const ports = await freePorts(2);
  const peers = { n1: `127.0.0.1:${ports[0]}`, n2: `127.0.0.1:${ports[1]}` };
  const members = await Promise.all(
    Object.keys(peers).map(async (name) => {
      const store = await open({ name, peers, dir: join(directory, name), transport: tcp() });
      stops.push(() => store.close());
      const server = await serveEtcd(store, { listen: { port: 0 } });
      stops.push(() => server.close());
      return { store, endpoint: server.urls[0]!.replace("http://", "") };
    }),
  );
  const [{ store, endpoint }, other] = members as [(typeof members)[0], (typeof members)[0]];
  await store.ready();
  for (let at = 0; at < 20; at++) await store.put("a", "x".repeat(1000));
  const text = await metricsOf(endpoint);
  expect(figureOf(text, "etcd_disk_wal_fsync_duration_seconds_count")).toBeGreaterThanOrEqual(20);
  expect(figureOf(text, "etcd_disk_wal_fsync_duration_seconds_sum")).toBeGreaterThan(0);
  expect(figureOf(text, "etcd_disk_wal_write_bytes_total")).toBeGreaterThan(20_000);
  const remote = other.store.status().id.toString(16);
  const local = store.status().id.toString(16);
  expect(text).toContain(`etcd_network_active_peers{Local="${local}",Remote="${remote}"} 1`);
  const sent = figureOf(text, `etcd_network_peer_sent_bytes_total{To="${remote}"}`);
  const received = figureOf(text, `etcd_network_peer_received_bytes_total{From="${remote}"}`);
  expect([sent, received].every((bytes) => bytes > 100)).toBe(true);
  expect(sent + received).toBeGreaterThan(20_000);
  expect(figureOf(text, `etcd_network_peer_sent_failures_total{To="${remote}"}`)).toBeGreaterThanOrEqual(0);
});

describe.skipIf(!isInstalled("etcd"))("what has etcd's name (needs etcd)", () => {
  test("has its type and its labels too", async () => {
    const real = await startEtcd();
    stops.push(() => real.stop());
    const directory = mkdtempSync(join(tmpdir(), "quorate-metrics-"));
    stops.push(() => rmSync(directory, { recursive: true }));
    const served = await serveStore({}, { dir: directory });
    stops.push(served.stop);
    const client = new RpcClient(served.endpoint);
    await client.ask(METHODS.put, { key: "a" });
    client.close();
    const theirs = shapes(await metricsOf(real.endpoint));
    const ours = shapes(await metricsOf(served.endpoint));
    const shared = [...ours.keys()].filter((name) => theirs.has(name) && /^(etcd|grpc)_/.test(name));
    expect(shared.length).toBeGreaterThan(30);
    const ourShapes = shared.map((name) => `${name} ${ours.get(name)}`);
    expect(ourShapes).toEqual(shared.map((name) => `${name} ${theirs.get(name)}`));
  });
});
