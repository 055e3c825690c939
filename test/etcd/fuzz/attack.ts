import { type ClientHttp2Session, connect, constants } from "node:http2";
import { createConnection } from "node:net";
import type { Random } from "../../../src/base/random.ts";
import { METHODS, type Method } from "../../../src/etcd/wire/services.ts";
import { serveStore } from "../support/served-store.ts";
import { randomRequest } from "./requests.ts";

export interface Damage {
  /** Messages, frames and requests that were sent. */
  readonly sent: number;
  /** How often each of gRPC's codes came back, by number; `none` where a stream just ended. */
  readonly codes: ReadonlyMap<string, number>;
  /** What the server itself calls a bug. */
  readonly bugs: readonly string[];
  /** Bytes of memory gained over the second half. */
  readonly growth: number;
}

/** How many calls are under way at a time. */
const TOGETHER = 32;
/** Streams that would go on are left after this. */
const PATIENCE_MS = 200;
/** Calls on one connection. */
const SESSION_CALLS = 500;

const METHOD_LIST = Object.values(METHODS) as unknown as readonly Method<object, object>[];

/** Sends random and mutated messages, frames and HTTP requests to a server of ours, and looks what it does. */
export async function attack(messages: number, random: Random): Promise<Damage> {
  const served = await serveStore({}, { quotaBytes: 64 * 1024 * 1024 });
  const codes = new Map<string, number>();
  const bugs: string[] = [];
  const onWarning = (warning: Error): void => void bugs.push(warning.stack ?? String(warning));
  process.on("warning", onWarning);
  const [, port] = served.endpoint.split(":");
  let sent = 0;
  let halfway = 0;
  try {
    while (sent < messages) {
      if (halfway === 0 && sent >= messages / 2) halfway = memory();
      sent += await attackByCalls(`http://${served.endpoint}`, random, codes);
      sent += await attackByBytes(Number(port), random);
      sent += await attackByHttp(`http://${served.endpoint}`, random, codes);
    }
    return { sent, codes, bugs, growth: memory() - halfway };
  } finally {
    process.off("warning", onWarning);
    await served.stop();
  }
}

/** Bytes in use once garbage is gone, where that can be asked for (`node --expose-gc`). */
function memory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Well-formed HTTP/2, well-formed gRPC or nearly so, and messages of which some are none. */
async function attackByCalls(url: string, random: Random, codes: Map<string, number>): Promise<number> {
  const session = connect(url);
  session.on("error", () => {});
  let left = SESSION_CALLS;
  const work = async (): Promise<void> => {
    while (left-- > 0 && !session.destroyed) {
      const code = await callOnce(session, random);
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
  session.destroy();
  return SESSION_CALLS;
}

function callOnce(session: ClientHttp2Session, random: Random): Promise<string> {
  const method = METHOD_LIST[random.between(0, METHOD_LIST.length - 1)]!;
  const body = framed(randomRequest(method, random), random);
  return new Promise((resolve) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]:
        random.fraction() < 0.02 ? `/${noise(random, 20).toString("hex")}` : method.path,
      "content-type": random.fraction() < 0.01 ? "text/plain" : "application/grpc",
      te: "trailers",
      ...(random.fraction() < 0.05 ? { hasleader: "true" } : {}),
      ...(random.fraction() < 0.02 ? { "grpc-timeout": noise(random, 4).toString("hex") } : {}),
      ...(random.fraction() < 0.02
        ? { "grpc-encoding": ["gzip", "deflate", "br"][random.between(0, 2)]! }
        : {}),
    });
    let code = "none";
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), PATIENCE_MS);
    const note = (headers: Record<string, unknown>): void => {
      if (headers["grpc-status"] !== undefined) code = String(headers["grpc-status"]);
    };
    stream.on("response", note);
    stream.on("trailers", note);
    stream.on("error", () => {});
    stream.on("data", () => {});
    stream.on("close", () => {
      clearTimeout(timer);
      resolve(code);
    });
    if (random.fraction() < 0.9) stream.end(body);
    else stream.write(body);
  });
}

/** A message with gRPC's five bytes in front, which are now and then wrong. */
function framed(message: Uint8Array, random: Random): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  if (random.fraction() < 0.05) noise(random, 5).copy(head);
  return Buffer.concat([head, message]);
}

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const FRAMES_EACH = 50;

/** Connections on which anything comes, or HTTP/2 begins and goes on with frames that make no sense. */
async function attackByBytes(port: number, random: Random): Promise<number> {
  await Promise.all(
    Array.from({ length: 8 }, () => {
      const frames = Array.from({ length: FRAMES_EACH }, () => frame(random));
      const beginning = random.fraction() < 0.7 ? PREFACE : noise(random, random.between(1, 30));
      return sendRaw(port, Buffer.concat([beginning, ...frames]));
    }),
  );
  return 8 * FRAMES_EACH;
}

function frame(random: Random): Buffer {
  const payload = noise(random, random.between(0, 64));
  const head = Buffer.alloc(9);
  head.writeUIntBE(random.fraction() < 0.9 ? payload.length : random.between(0, 0xffffff), 0, 3);
  head[3] = random.between(0, 12);
  head[4] = random.between(0, 255);
  head.writeUInt32BE(random.between(0, 40), 5);
  return Buffer.concat([head, payload]);
}

function sendRaw(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.end(bytes));
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** JSON and what looks like it, under paths that exist and others. */
async function attackByHttp(url: string, random: Random, codes: Map<string, number>): Promise<number> {
  const requests = Array.from({ length: 50 }, async () => {
    const method = METHOD_LIST[random.between(0, METHOD_LIST.length - 1)]!;
    const path =
      random.fraction() < 0.9 ? (method.gateway[0] ?? "/health") : `/${noise(random, 8).toString("hex")}`;
    const options = {
      method: random.fraction() < 0.9 ? "POST" : "GET",
      signal: AbortSignal.timeout(PATIENCE_MS),
    };
    const body = options.method === "POST" ? jsonish(method, random) : null;
    const status = await fetch(`${url}${path}`, { ...options, body }).then(
      async (response) => {
        await response.arrayBuffer();
        return `http ${response.status}`;
      },
      () => "none",
    );
    codes.set(status, (codes.get(status) ?? 0) + 1);
  });
  // One by one mistakes only show up where their neighbours do not hide them: a failed fetch is no failure of the server.
  await Promise.allSettled(requests);
  return requests.length;
}

function jsonish(method: Method<object, object>, random: Random): Buffer {
  let text = Buffer.from("{}");
  try {
    text = Buffer.from(
      JSON.stringify(method.request.toJson(method.request.decode(randomRequest(method, random)))),
    );
  } catch {
    // What is no message has no JSON.
  }
  if (random.fraction() < 0.5) return text;
  const at = random.between(0, text.length);
  return Buffer.concat([text.subarray(0, at), noise(random, random.between(0, 6)), text.subarray(at)]);
}

export function noise(random: Random, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.between(0, 255)));
}
