import { createConnection } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { METHODS } from "../../src/wire/services.ts";
import { page, post } from "./support/http.ts";
import { RpcClient } from "./support/rpc-client.ts";
import { type ServedStore, serveStore } from "./support/served-store.ts";

let served: ServedStore;
let url: string;

beforeAll(async () => {
  served = await serveStore({ metricsUrls: ["http://127.0.0.1:0"] });
  url = `http://${served.endpoint}`;
});

afterAll(() => served.stop());

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("health", () => {
  it("is told as etcd tells it", async () => {
    expect(await page(`${url}/health`)).toEqual({ status: 200, text: '{"health":"true","reason":""}' });
    expect(await page(`${url}/health?serializable=true`)).toMatchObject({ status: 200 });
    expect(await page(`${url}/health`, { method: "POST" })).toEqual({
      status: 405,
      text: "Method Not Allowed\n",
    });
  });

  it("is bad while there is no space", async () => {
    const client = new RpcClient(served.endpoint);
    // The store lowers the alarm again by itself: ask at once.
    await client.ask(METHODS.alarm, { action: 1, alarm: 1 });
    const { status, text } = await page(`${url}/health`);
    if (status === 503) expect(text).toBe('{"health":"false","reason":"ALARM NOSPACE"}\n');
    await expect.poll(() => page(`${url}/health`)).toMatchObject({ status: 200 });
    client.close();
  });

  it("is asked in parts by orchestrators", async () => {
    expect(await page(`${url}/livez`)).toEqual({ status: 200, text: "ok\n" });
    expect(await page(`${url}/livez/serializable_read`)).toEqual({ status: 200, text: "ok\n" });
    expect(await page(`${url}/readyz?verbose`)).toEqual({
      status: 200,
      text: "[+]data_corruption ok\n[+]disk_space ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n",
    });
    expect((await page(`${url}/readyz?verbose&exclude=non_learner`)).text).not.toContain("learner");
    expect(await page(`${url}/readyz/unheard_of`)).toMatchObject({ status: 404 });
    expect(await page(`${url}/readyz`, { method: "PUT" })).toMatchObject({ status: 405 });
  });
});

describe("other pages", () => {
  it("tell the version", async () => {
    expect(await page(`${url}/version`)).toEqual({
      status: 200,
      text: '{"etcdserver":"3.6.11","etcdcluster":"3.6.0","storage":"3.6.0"}',
    });
  });

  it("give etcd's metrics", async () => {
    await post(`${url}/v3/kv/put`, { key: base64("a") });
    const client = new RpcClient(served.endpoint);
    await client.call(METHODS.put, { key: "" });
    client.close();
    const { text } = await page(`${url}/metrics`);
    expect(text).toMatch(/^etcd_server_has_leader 1$/m);
    expect(text).toMatch(/^etcd_debugging_mvcc_keys_total 1$/m);
    expect(text).toMatch(
      /^grpc_server_handled_total\{grpc_type="unary",grpc_service="etcdserverpb.KV",grpc_method="Put",grpc_code="InvalidArgument"\} 1$/m,
    );
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
  });

  it("are served on ports of their own too, and nothing else there", async () => {
    const [metricsUrl] = served.server.metricsUrls;
    expect(await page(`${metricsUrl}/health`)).toMatchObject({ status: 200 });
    expect(await page(`${metricsUrl}/v3/kv/range`, { method: "POST", body: "{}" })).toMatchObject({
      status: 404,
    });
  });

  it("are not found under other names", async () => {
    for (const path of ["/", "/nowhere", "//", "/health/more", "/metrics/x", "/v3/kv", "/%00"]) {
      expect(await page(`${url}${path}`)).toMatchObject({ status: 404 });
    }
  });
});

describe("the JSON gateway", () => {
  it("speaks proto3's JSON", async () => {
    const put = await post(`${url}/v3/kv/put`, { key: base64("json"), value: base64("1"), unheard_of: {} });
    expect(put.json).toMatchObject({ header: { revision: expect.stringMatching(/^\d+$/) } });
    const range = await post(`${url}/v3/kv/range`, { key: base64("json"), sort_order: "DESCEND", limit: 5 });
    expect(range.json).toMatchObject({
      kvs: [{ key: base64("json"), value: base64("1"), version: "1" }],
      count: "1",
    });
    const camel = await post(`${url}/v3/kv/deleterange`, { key: base64("json"), prevKv: true });
    expect(camel.json).toMatchObject({ deleted: "1", prev_kvs: [{ value: base64("1") }] });
  });

  it("runs transactions", async () => {
    const { json } = await post(`${url}/v3/kv/txn`, {
      compare: [{ result: "EQUAL", target: "CREATE", key: base64("txn"), create_revision: "0" }],
      success: [{ request_put: { key: base64("txn"), value: base64("x") } }],
      failure: [{ requestRange: { key: base64("txn") } }],
    });
    expect(json).toMatchObject({ succeeded: true, responses: [{ response_put: { header: {} } }] });
  });

  it("answers in etcd's words, with the status that goes with them", async () => {
    expect(await post(`${url}/v3/kv/range`, { key: "" })).toEqual({
      status: 400,
      json: { code: 3, message: "etcdserver: key is not provided", details: [] },
    });
    expect(await post(`${url}/v3/lease/revoke`, { ID: "7" })).toMatchObject({
      status: 404,
      json: { code: 5 },
    });
    expect(await page(`${url}/v3/kv/range`)).toMatchObject({ status: 405 });
    for (const body of ["{", "[]", '{"key":7}', '{"key":"%"}', '{"limit":"x"}', '{"sort_order":"UP"}']) {
      expect(await page(`${url}/v3/kv/range`, { method: "POST", body })).toMatchObject({ status: 400 });
    }
  });

  it("watches, one answer in a line", async () => {
    const controller = new AbortController();
    const response = await fetch(`${url}/v3/watch`, {
      method: "POST",
      body:
        JSON.stringify({ create_request: { key: base64("line") } }) +
        JSON.stringify({ progress_request: {} }),
      signal: controller.signal,
    });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (lines: number): Promise<unknown[]> => {
      while (text.split("\n").length <= lines) text += (await reader.read()).value;
      return text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    };
    expect(await until(2)).toMatchObject([{ result: { created: true } }, { result: { watch_id: "-1" } }]);
    await post(`${url}/v3/kv/put`, { key: base64("line"), value: base64("1") });
    expect((await until(3))[2]).toMatchObject({
      result: { events: [{ kv: { key: base64("line"), value: base64("1") } }] },
    });
    controller.abort();
  });

  it("keeps leases alive", async () => {
    const { json } = await post(`${url}/v3/lease/grant`, { TTL: 60 });
    const kept = await page(`${url}/v3/lease/keepalive`, {
      method: "POST",
      body: JSON.stringify({ ID: json["ID"] }),
    });
    expect(JSON.parse(kept.text)).toMatchObject({ result: { ID: json["ID"], TTL: "60" } });
  });

  it("is not for web pages of others, nor under a name that was made to point here", async () => {
    const foreign = { origin: "http://evil.example" };
    const body = JSON.stringify({ key: base64("a") });
    expect(await page(`${url}/v3/kv/range`, { method: "POST", body, headers: foreign })).toMatchObject({
      status: 421,
    });
    expect(
      await raw("POST /v3/kv/range HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}"),
    ).toContain(" 421 ");
    expect(
      await raw("POST /v3/kv/range HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"),
    ).toContain(" 400 ");
  });

  it("refuses a body that is too large before it is there", async () => {
    const answer = await raw(
      "POST /v3/kv/put HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\n{",
    );
    expect(answer).toContain(" 429 ");
  });
});

/** What comes back for these bytes, until there is a whole head. */
function raw(request: string): Promise<string> {
  const [host, port] = served.endpoint.split(":");
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: host!, port: Number(port) }, () => socket.write(request));
    let text = "";
    socket.setEncoding("latin1").on("data", (chunk) => {
      text += chunk;
      if (!text.includes("\r\n\r\n")) return;
      socket.destroy();
      resolve(text);
    });
    socket.on("error", reject);
  });
}
