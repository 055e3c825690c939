import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { ClientLimits } from "../../src/etcd/client-limits.ts";
import { PREFACE } from "../../src/http2/protocol.ts";
import { METHODS } from "../../src/wire/services.ts";
import { frame, REQUEST } from "../http2/support/frames.ts";
import { until } from "../transport/tcp-world.ts";
import { page, post } from "./support/http.ts";
import { RpcClient } from "./support/rpc-client.ts";
import { type ServedStore, serveStore } from "./support/served-store.ts";
import { WatchClient } from "./support/watch-client.ts";

const BEGINNING = Buffer.concat([PREFACE, frame(4, 0, 0)]);

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(limits: Partial<ClientLimits>): Promise<ServedStore> {
  const served = await serveStore({ limits });
  ends.push(() => served.stop());
  return served;
}

/** A stranger who says something and then nothing more. */
async function stranger({ endpoint }: ServedStore, text: string | Buffer = ""): Promise<Socket> {
  const socket = connect(Number(endpoint.split(":").at(-1)), "127.0.0.1");
  socket.on("error", () => {});
  ends.push(() => socket.destroy());
  await once(socket, "connect");
  socket.resume();
  if (text.length > 0) socket.write(text);
  return socket;
}

function strangers(served: ServedStore, count: number, text: string | Buffer = ""): Promise<Socket[]> {
  return Promise.all(Array.from({ length: count }, () => stranger(served, text)));
}

const closedOf = (sockets: readonly Socket[]): number => sockets.filter(({ closed }) => closed).length;

async function metric({ endpoint }: ServedStore, name: string): Promise<number> {
  const { text } = await page(`http://${endpoint}/metrics`);
  const line = text.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.split(" ").at(-1));
}

function rpcClient({ endpoint }: ServedStore): RpcClient {
  const client = new RpcClient(endpoint);
  ends.push(() => client.close());
  return client;
}

describe("connections on which nothing goes on", () => {
  test("stand as many as there is room for, and one more has the longest idle one give way", async () => {
    const served = await serve({ connectionsMax: 8, connectionsPerAddressMax: 8 });
    const idle = await strangers(served, 8, BEGINNING);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(closedOf(idle)).toBe(0);
    const client = rpcClient(served);
    expect(await client.call(METHODS.put, { key: "a", value: "1" } as never)).toHaveProperty("ok");
    await until(() => closedOf(idle) === 1, "one gives way");
  });

  test("of hundreds none keeps a client, a page or a watch out, before and after the preface", async () => {
    const served = await serve({ connectionsMax: 40 });
    const client = rpcClient(served);
    const watch = new WatchClient(client);
    expect(await watch.create({ key: "w" })).toMatchObject({ created: true });
    await strangers(served, 150, BEGINNING);
    await strangers(served, 150, "");
    await strangers(served, 150, "PRI");
    expect(await page(`http://${served.endpoint}/health`)).toMatchObject({ status: 200 });
    const other = rpcClient(served);
    expect(await other.call(METHODS.put, { key: "w", value: "1" } as never)).toHaveProperty("ok");
    expect(
      await metric(served, 'quorate_client_connections_closed_total{reason="displaced"}'),
    ).toBeGreaterThan(300);
    expect((await watch.next()).events).toHaveLength(1);
  });

  test("before they have begun are closed soon; after the preface, when they were idle for long", async () => {
    const served = await serve({ beginMs: 300, idleMs: 1_500 });
    const client = rpcClient(served);
    const watch = client.stream(METHODS.watch);
    watch.on("error", () => {});
    const silent = [
      await stranger(served, ""),
      await stranger(served, "PR"),
      await stranger(served, PREFACE),
      await stranger(served, PREFACE.subarray(0, 20)),
      await stranger(served, Buffer.concat([BEGINNING, frame(1, 0, 1, REQUEST)])),
      await stranger(served, Buffer.concat([BEGINNING, frame(6, 0, 0, Buffer.alloc(8)).subarray(0, 12)])),
      await stranger(served, "GET /health HTTP/1.1\r\nho"),
      await stranger(served, "GET /version HTTP/1.1\r\nhost: a\r\n\r\nGET /ver"),
    ];
    const idle = await stranger(served, BEGINNING);
    await until(() => closedOf(silent) === silent.length, "those that have not begun are closed");
    expect(idle.closed).toBe(false);
    await until(() => idle.closed, "the idle one is closed");
    expect(watch.destroyed).toBe(false);
    watch.cancel();
  });
});

describe("connections on which calls go on", () => {
  test("are never displaced: what comes is served health, and nothing else", async () => {
    const served = await serve({ connectionsMax: 2, connectionsPerAddressMax: 2, healthConnectionsMax: 2 });
    const sessions = await Promise.all(
      [1, 2].map(async () => {
        const session = connectHttp2(`http://${served.endpoint}`);
        session.on("error", () => {});
        ends.push(() => session.destroy());
        const stream = session.request({
          ":method": "POST",
          ":path": METHODS.watch.path,
          "content-type": "application/grpc",
        });
        stream.on("error", () => {});
        await once(session, "remoteSettings");
        return session;
      }),
    );
    expect(await page(`http://${served.endpoint}/health`)).toMatchObject({ status: 200 });
    expect(await page(`http://${served.endpoint}/v3/kv/range`, { method: "POST", body: "{}" })).toMatchObject(
      {
        status: 503,
      },
    );
    const refused = await stranger(served, BEGINNING);
    await until(() => refused.closed, "HTTP/2 is closed");
    await strangers(served, 20);
    expect(await page(`http://${served.endpoint}/health`)).toMatchObject({ status: 200 });
    expect(sessions.map(({ closed }) => closed)).toEqual([false, false]);
  });
});

describe("requests that do not end", () => {
  const BODY = (bytes: number) =>
    `POST /v3/kv/range HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2000000\r\n\r\n${"x".repeat(bytes)}`;

  test("may hold so many bytes of one address, and no more, over all its connections", async () => {
    const served = await serve({ unfinishedBytesPerAddressMax: 1_000_000 });
    const within = await strangers(served, 9, BODY(100_000));
    await until(() => closedOf(within) === 0, "they stand");
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await metric(served, "quorate_client_unfinished_bytes")).toBe(900_000);
    expect(await metric(served, "quorate_client_unfinished_refused_total")).toBe(0);
    await strangers(served, 200, BODY(100_000));
    for (let refused = 0; refused < 199; ) {
      refused = await metric(served, "quorate_client_unfinished_refused_total");
      expect(await metric(served, "quorate_client_unfinished_bytes")).toBeLessThanOrEqual(1_000_000);
    }
  });

  test("give way to newer ones where all hold too much, so that a large request still passes", async () => {
    const served = await serve({ unfinishedBytesMax: 1_000_000, unfinishedBytesPerAddressMax: 2_000_000 });
    const bodies = await strangers(served, 30, BODY(100_000));
    await until(() => closedOf(bodies) >= 20, "the oldest give way");
    const value = Buffer.alloc(700_000).toString("base64");
    expect(await post(`http://${served.endpoint}/v3/kv/put`, { key: "YQ==", value })).toMatchObject({
      status: 200,
    });
  });

  test("are given up in time: bodies, messages of gRPC, and calls whose message never begins", async () => {
    const served = await serve({ requestMs: 300, beginMs: 400 });
    const body = await stranger(served, BODY(10));
    const stream = await stranger(
      served,
      'POST /v3/watch HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{"create_request":',
    );
    const session = connectHttp2(`http://${served.endpoint}`);
    ends.push(() => session.destroy());
    const ask = (path: string, bytes: Buffer) => {
      const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc" };
      const request = session.request(headers);
      request.on("error", () => {});
      if (bytes.length > 0) request.write(bytes);
      const status = new Promise((resolve) => {
        request.on("response", (head) => resolve(head["grpc-status"] ?? null));
        request.on("trailers", (head) => resolve(head["grpc-status"]));
      });
      request.resume();
      return status;
    };
    const prefix = Buffer.from([0, 0, 0, 4]);
    expect(await ask(METHODS.range.path, Buffer.alloc(0))).toBe("4");
    expect(await ask(METHODS.range.path, prefix)).toBe("4");
    expect(await ask(METHODS.range.path, Buffer.concat([prefix, Buffer.from([0, 1, 2])]))).toBe("4");
    expect(await ask(METHODS.watch.path, prefix)).toBe("4");
    await until(() => body.closed && stream.closed, "the bodies are given up");
  });
});

describe("answers that are not read", () => {
  test("hold so many bytes, and beyond it the connection with most of them ends", async () => {
    const served = await serve({ unreadBytesMax: 8_000_000 });
    const value = Buffer.alloc(1_000_000).toString("base64");
    expect(await post(`http://${served.endpoint}/v3/kv/put`, { key: "YQ==", value })).toMatchObject({
      status: 200,
    });
    const session = connectHttp2(`http://${served.endpoint}`);
    session.on("error", () => {});
    ends.push(() => session.destroy());
    const range = METHODS.range.request.encode({ key: "a" } as never);
    const message = Buffer.concat([Buffer.from([0, 0, 0, 0, range.length]), range]);
    for (let at = 0; at < 30; at++) {
      const request = session.request({
        ":method": "POST",
        ":path": METHODS.range.path,
        "content-type": "application/grpc",
      });
      request.on("error", () => {});
      request.pause();
      request.end(message);
    }
    await until(() => session.destroyed, "the connection ends");
    expect(await metric(served, "quorate_client_unread_bytes")).toBeLessThan(8_000_000);
    expect(await metric(served, "quorate_client_unread_ended_total")).toBe(1);
  });
});

test("as many calls are open as are allowed from one address, and one more is refused by itself", async () => {
  const served = await serve({ callsMax: 8 });
  const watches = Array.from({ length: 7 }, () => new WatchClient(rpcClient(served)));
  for (const watch of watches) expect(await watch.create({ key: "w" })).toMatchObject({ created: true });
  const client = rpcClient(served);
  expect(await client.call(METHODS.put, { key: "w", value: "1" } as never)).toMatchObject({
    code: 8,
    message: "etcdserver: too many requests",
  });
  for (const watch of watches) watch.close();
  for (let calls = 7; calls > 0; ) calls = await metric(served, "quorate_client_calls");
  expect(await client.call(METHODS.put, { key: "w", value: "1" } as never)).toHaveProperty("ok");
  expect(await metric(served, "quorate_client_calls_refused_total")).toBe(1);
});
