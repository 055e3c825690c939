import { type ClientHttp2Session, connect, constants } from "node:http2";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientLimits } from "../../../src/etcd/client-limits.ts";
import { Intake } from "../../../src/etcd/grpc/intake.ts";
import { MessageReader } from "../../../src/etcd/grpc/message-reader.ts";
import { METHODS } from "../../../src/wire/services.ts";
import { RpcError } from "../../../src/wire/status.ts";
import { type ServedStore, serveStore } from "../support/served-store.ts";

function framed(message: Uint8Array, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

function pendingRequest() {
  return new Intake(clientLimits()).open("10.0.0.1").request(() => {});
}

describe("messages", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });

  it("are the same however they are cut on their way", () => {
    fc.assert(
      fc.property(messages, fc.array(fc.nat(400), { maxLength: 20 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((message) => framed(message)));
        const places = [...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length].toSorted(
          (a, b) => a - b,
        );
        const reader = new MessageReader(1_000, pendingRequest());
        let from = 0;
        const read: Uint8Array[] = [];
        for (const place of places) {
          reader.take(bytes.subarray(from, place), (message) => read.push(Uint8Array.from(message)));
          from = place;
        }
        expect(read).toEqual(sent.map((message) => Uint8Array.from(message)));
        expect(reader.isBetweenMessages).toBe(true);
      }),
    );
  });

  it("are refused by their length, before they are there", () => {
    const refused = (bytes: Buffer): unknown => {
      try {
        new MessageReader(1_000, pendingRequest()).take(bytes, () => {});
        return null;
      } catch (error) {
        return (error as RpcError).code;
      }
    };
    expect(refused(framed(Buffer.alloc(0), 1_000))).toBeNull();
    expect(refused(framed(Buffer.alloc(0), 1_001))).toBe(8);
    expect(refused(Buffer.from([1, 0, 0, 0, 0]))).toBe(12);
    expect(refused(Buffer.from([2, 0, 0, 0, 0]))).toBe(13);
  });

  it("that are not complete may not fill more than so much of a connection", () => {
    const connection = new Intake(clientLimits()).open("10.0.0.1");
    const begin = (): void => {
      const reader = new MessageReader(
        2 ** 21,
        connection.request(() => {}),
      );
      reader.take(framed(Buffer.alloc(2 ** 20), 2 ** 21), () => expect.unreachable());
    };
    for (let call = 0; call < 63; call++) begin();
    expect(begin).toThrow(RpcError);
  });
});

describe("calls", () => {
  let served: ServedStore;
  let session: ClientHttp2Session;

  beforeAll(async () => {
    served = await serveStore();
    session = connect(`http://${served.endpoint}`);
  });

  afterAll(async () => {
    session.destroy();
    await served.stop();
  });

  /** What the headers and trailers of an answer say. */
  function ask(
    headers: Record<string, string>,
    body = framed(Buffer.alloc(0)),
  ): Promise<Record<string, unknown>> {
    const stream = session.request({
      ":method": "POST",
      ":path": METHODS.status.path,
      "content-type": "application/grpc",
      ...headers,
    });
    const said: Record<string, unknown> = {};
    stream.on("response", (response) => Object.assign(said, response));
    stream.on("trailers", (trailers) => Object.assign(said, trailers));
    stream.on("data", () => {});
    stream.end(body);
    return new Promise((resolve, reject) => {
      stream.on("error", reject);
      stream.on("close", () => resolve(said));
    });
  }

  it("are answered", async () => {
    expect(await ask({})).toMatchObject({ ":status": 200, "grpc-status": "0" });
  });

  it("that are none of ours are told so", async () => {
    expect(await ask({ ":path": "/etcdserverpb.KV/Nothing" })).toMatchObject({
      "grpc-status": "12",
      "grpc-message": "unknown method Nothing for service etcdserverpb.KV",
    });
    expect(await ask({ ":path": "/%C3%A4/\u00e4".replace("\u00e4", "%25") })).toMatchObject({
      "grpc-status": "12",
    });
    expect(await ask({ "content-type": "application/json" })).toMatchObject({ ":status": 415 });
    expect(await ask({ ":method": "PUT" })).toMatchObject({ ":status": 405 });
    expect(await ask({ "grpc-timeout": "soon" })).toMatchObject({ "grpc-status": "13" });
    expect(await ask({}, Buffer.alloc(0))).toMatchObject({ "grpc-status": "13" });
    expect(await ask({}, Buffer.from([0, 0]))).toMatchObject({ "grpc-status": "13" });
  });

  it("end at their deadline", async () => {
    const stream = session.request({
      ":method": "POST",
      ":path": METHODS.watch.path,
      "content-type": "application/grpc",
      "grpc-timeout": "50m",
    });
    const said = await new Promise((resolve) => stream.on("response", resolve));
    expect(said).toMatchObject({ "grpc-status": "4", "grpc-message": "context deadline exceeded" });
    stream.close();
  });

  it("that are taken back in the same breath do no harm", async () => {
    for (const headers of [
      {},
      { ":path": "/nowhere" },
      { "content-type": "text/plain" },
      { "grpc-timeout": "x" },
    ]) {
      const storm = connect(`http://${served.endpoint}`);
      storm.on("error", () => {});
      for (let call = 0; call < 100; call++) {
        const stream = storm.request({
          ":method": "POST",
          ":path": METHODS.range.path,
          "content-type": "application/grpc",
          ...headers,
        });
        stream.on("error", () => {});
        stream.close(constants.NGHTTP2_CANCEL);
      }
      await new Promise((resolve) => storm.close(() => resolve(null)));
    }
    expect(await ask({})).toMatchObject({ "grpc-status": "0" });
  });

  it("let a server end: those under way are ended after a while", async () => {
    const other = await serveStore();
    const watching = connect(`http://${other.endpoint}`);
    watching.on("error", () => {});
    const stream = watching.request({
      ":method": "POST",
      ":path": METHODS.watch.path,
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    await new Promise((resolve) => watching.ping(resolve));
    const closed = new Promise((resolve) => watching.on("close", resolve));
    await Promise.all([other.stop(), closed]);
  });
});
