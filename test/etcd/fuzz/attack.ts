import { type ClientHttp2Session, connect, constants } from "node:http2";
import { createConnection } from "node:net";
import type { Random } from "../../../src/base/random.ts";
import { Flag, Frame } from "../../../src/http2/protocol.ts";
import { METHODS, type Method } from "../../../src/wire/services.ts";
import { BEGINNING, field, frame, setting, text, uint32 } from "../../http2/support/frames.ts";
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

const FRAMES_EACH = 50;

/** Connections on which anything comes, or HTTP/2 begins and goes on with frames that make no sense, or not quite. */
async function attackByBytes(port: number, random: Random): Promise<number> {
  await Promise.all(
    Array.from({ length: 8 }, () => {
      const isNearly = random.fraction() < 0.5;
      const frames = isNearly
        ? nearlySound(random)
        : Array.from({ length: FRAMES_EACH }, () => anyFrame(random));
      const beginning = random.fraction() < 0.8 ? BEGINNING : noise(random, random.between(1, 30));
      return sendRaw(port, Buffer.concat([beginning, ...frames]));
    }),
  );
  return 8 * FRAMES_EACH;
}

function anyFrame(random: Random): Buffer {
  const payload = noise(random, random.between(0, 64));
  const length = random.fraction() < 0.9 ? payload.length : random.between(0, 0xffffff);
  return frame(random.between(0, 12), random.between(0, 255), random.between(0, 40), payload, length);
}

/** A session as a client might have it, of which some frames are changed, doubled, left out, or come at another time. */
function nearlySound(random: Random): Buffer[] {
  const frames: Buffer[] = [];
  for (let id = 1; frames.length < FRAMES_EACH; id += 2) {
    const method = METHOD_LIST[random.between(0, METHOD_LIST.length - 1)]!;
    const block = Buffer.concat([
      Buffer.from([0x83, 0x86, 0x44]),
      text(method.path),
      ...[field("te", "trailers"), field("content-type", "application/grpc")],
    ]);
    const cut = random.between(0, block.length);
    frames.push(
      ...(random.fraction() < 0.7
        ? [frame(Frame.headers, Flag.endHeaders, id, block)]
        : [
            frame(Frame.headers, 0, id, block.subarray(0, cut)),
            frame(Frame.continuation, Flag.endHeaders, id, block.subarray(cut)),
          ]),
      frame(Frame.data, Flag.endStream, id, framed(randomRequest(method, random), random)),
      sideFrame(id, random),
    );
  }
  for (let left = random.between(0, 3); left > 0; left--) distort(frames, random);
  return frames;
}

function sideFrame(id: number, random: Random): Buffer {
  const value = uint32(random.fraction() < 0.8 ? random.between(1, 70_000) : random.between(0, 2 ** 31 - 1));
  const frames = [
    frame(Frame.windowUpdate, 0, random.fraction() < 0.5 ? 0 : id, value),
    frame(Frame.ping, 0, 0, noise(random, 8)),
    frame(Frame.settings, 0, 0, setting(random.between(1, 6), value.readUInt32BE(0))),
    frame(Frame.rstStream, 0, id, uint32(8)),
    frame(Frame.priority, 0, id, noise(random, 5)),
  ];
  return frames[random.between(0, frames.length - 1)]!;
}

function distort(frames: Buffer[], random: Random): void {
  const at = random.between(0, frames.length - 1);
  const way = random.between(0, 3);
  const one = Buffer.from(frames[at]!);
  if (way === 0) frames.splice(at, 1);
  else if (way === 1) frames.splice(random.between(0, frames.length), 0, one);
  else if (way === 2) frames.splice(at, 1, one.subarray(0, random.between(0, one.length)));
  else {
    one[random.between(0, one.length - 1)] = random.between(0, 255);
    frames[at] = one;
  }
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
