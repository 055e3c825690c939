import { connect as connectHttp2 } from "node:http2";
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { headerBlock } from "../../src/http2/header-block.ts";
import type { Http2Stream } from "../../src/http2/http2-stream.ts";
import { Code, Frame } from "../../src/http2/protocol.ts";
import { SocketLink } from "../../src/http2/socket-link.ts";
import { BEGINNING, frame, framesOf } from "./support/frames.ts";

const MIB = 1024 * 1024;

let server: Server;
let links: SocketLink[];
/** Links of this test that have closed. */
let closed: SocketLink[];
let serve: (stream: Http2Stream) => void;

beforeEach(async () => {
  links = [];
  const ended: SocketLink[] = [];
  closed = ended;
  serve = (stream) => stream.end(headerBlock(200, {}));
  server = createServer((socket) => {
    const service = {
      open: (stream: Http2Stream) => {
        serve(stream);
        return { received() {}, halfClosed() {}, drained() {}, closed() {} };
      },
    };
    const link = new SocketLink(socket, service, () => ended.push(link));
    links.push(link);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  for (const link of links) link.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function dial(): Socket {
  const { port } = server.address() as AddressInfo;
  return createConnection({ host: "127.0.0.1", port, noDelay: true }).on("error", () => {});
}

/** Everything that comes until the other side ends. */
function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve) => socket.on("close", () => resolve(Buffer.concat(chunks))));
}

describe("a client", () => {
  it("that does not read is not read from, and gets its answers once it does (CVE-2019-9512)", async () => {
    const pings = 1_000_000;
    const socket = dial();
    socket.pause();
    socket.write(BEGINNING);
    const ping = frame(Frame.ping, 0, 0, Buffer.alloc(8));
    for (let at = 0; at < pings; at += 10_000) socket.write(Buffer.alloc(ping.length * 10_000, ping));
    await expect.poll(() => links[0]?.unsent ?? 0).toBeGreaterThanOrEqual(MIB);
    // What the kernel took before is gone; the rest stays with the client.
    const read = socket.bytesWritten - socket.writableLength;
    expect(links[0]!.unsent).toBeLessThan(2 * MIB);
    expect(read).toBeLessThan(pings * ping.length);
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => (bytes += chunk.length)).resume();
    await expect.poll(() => bytes, { timeout: 20_000 }).toBeGreaterThanOrEqual(pings * ping.length);
    socket.destroy();
  });

  it("that is slow has large answers wait in its stream, and gets them whole", async () => {
    serve = (stream) => {
      stream.respond(headerBlock(200, {}));
      stream.write(Buffer.alloc(32 * MIB, "x"));
      stream.end(headerBlock(null, { sum: "1" }));
    };
    const { port } = server.address() as AddressInfo;
    const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 64 * MIB } });
    session.on("connect", () => session.setLocalWindowSize(64 * MIB));
    const stream = session.request({ ":path": "/" });
    stream.on("response", () => {
      expect(links[0]!.unsent).toBeLessThan(MIB);
    });
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => (bytes += chunk.length));
    const trailers = await new Promise((resolve) => stream.on("trailers", resolve));
    expect([bytes, trailers]).toEqual([32 * MIB, expect.objectContaining({ sum: "1" })]);
    session.destroy();
  });

  it("that errs is told why before its connection ends", async () => {
    const socket = dial();
    socket.write(Buffer.concat([BEGINNING, frame(Frame.data, 0, 1), Buffer.alloc(MIB)]));
    const last = framesOf(await readAll(socket)).at(-1)!;
    expect([last.type, last.payload.readUInt32BE(4)]).toEqual([Frame.goaway, Code.protocolError]);
    await expect.poll(() => closed.length).toBe(1);
  });

  it("that breaks off at any place does no harm", async () => {
    const whole = Buffer.concat([BEGINNING, frame(Frame.ping, 0, 0, Buffer.alloc(8))]);
    for (let at = 0; at <= whole.length; at += 3) {
      const socket = dial();
      socket.end(whole.subarray(0, at));
      socket.resume();
      await new Promise((resolve) => socket.on("close", resolve));
    }
    await expect.poll(() => closed.length).toBe(Math.floor(whole.length / 3) + 1);
  });
});

it("what is written in one turn is sent together", async () => {
  const streams: Http2Stream[] = [];
  serve = (stream) => void streams.push(stream);
  const { port } = server.address() as AddressInfo;
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const answered = Array.from({ length: 50 }, () => {
    const stream = session.request({ ":path": "/" });
    return new Promise((resolve) => stream.on("close", resolve).resume());
  });
  await expect.poll(() => streams.length).toBe(50);
  const socket = session.socket as unknown as Socket;
  const before = socket.bytesRead;
  let turns = 0;
  socket.on("data", () => (turns += 1));
  for (const stream of streams) stream.end(headerBlock(200, {}));
  await Promise.all(answered);
  expect(socket.bytesRead - before).toBeGreaterThanOrEqual(50 * 10);
  expect(turns).toBeLessThanOrEqual(2);
  session.destroy();
});
