import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerBlock } from "../../src/http2/header-block.ts";
import { Code, Flag, Frame } from "../../src/http2/protocol.ts";
import { frame, REQUEST, setting, uint32 } from "./support/frames.ts";
import { Wire } from "./support/wire.ts";

const OK = headerBlock(200, {});
const begin = (id: number): Buffer => frame(Frame.headers, Flag.endHeaders, id, REQUEST);
const open = (id: number, bytes: number): Buffer => frame(Frame.windowUpdate, 0, id, uint32(bytes));

function dataOf(frames: ReturnType<Wire["answers"]>, id: number): string {
  const own = frames.filter((each) => each.type === Frame.data && each.id === id);
  return Buffer.concat(own.map(({ payload }) => payload)).toString("latin1");
}

describe("what is sent", () => {
  it("is sent whole, in order, and never more of it than the windows let through", () => {
    const step = fc.record({
      stream: fc.nat(2),
      write: fc.nat(60_000),
      open: fc.nat(40_000),
      openConnection: fc.nat(40_000),
    });
    fc.assert(
      fc.property(fc.nat(3_000), fc.array(step, { maxLength: 30 }), (initial, steps) => {
        const wire = Wire.begun((stream) => stream.respond(OK));
        wire.say(frame(Frame.settings, 0, 0, setting(4, initial)), begin(1), begin(3), begin(5));
        const written = ["", "", ""];
        const received = ["", "", ""];
        const allowed = [initial, initial, initial];
        let allowedAtAll = 65_535;
        const hear = (): void => {
          const frames = wire.answers();
          for (const [at, each] of received.entries()) received[at] = each + dataOf(frames, at * 2 + 1);
          for (const [at, each] of received.entries()) expect(each.length).toBeLessThanOrEqual(allowed[at]!);
          expect(received.join("").length).toBeLessThanOrEqual(allowedAtAll);
        };
        for (const { stream, write, open: opened, openConnection } of steps) {
          const said = String.fromCharCode(97 + (write % 26)).repeat(write);
          written[stream] += said;
          wire.streams[stream]!.write(Buffer.from(said));
          hear();
          allowed[stream]! += opened + 1;
          allowedAtAll += openConnection + 1;
          wire.say(open(stream * 2 + 1, opened + 1), open(0, openConnection + 1));
          hear();
        }
        for (const id of [1, 3, 5]) wire.say(open(id, 2_000_000));
        allowed.fill(Number.POSITIVE_INFINITY);
        allowedAtAll = Number.POSITIVE_INFINITY;
        for (const stream of wire.streams) stream.end(OK);
        wire.say(open(0, 10_000_000));
        hear();
        expect(received).toEqual(written);
      }),
      { numRuns: 50 },
    );
  });

  it("ends behind the last of its data", () => {
    const wire = Wire.begun();
    wire.say(frame(Frame.settings, 0, 0, setting(4, 5)), begin(1));
    const stream = wire.streams[0]!;
    stream.respond(OK);
    expect(stream.write(Buffer.from("hello, you"))).toBe(false);
    stream.end(OK);
    expect(wire.answers().map(({ type, flags }) => [type, flags])).toEqual([
      [Frame.settings, Flag.ack],
      [Frame.headers, Flag.endHeaders],
      [Frame.data, 0],
    ]);
    wire.say(open(1, 100));
    expect(wire.answers().map(({ type, flags }) => [type, flags])).toEqual([
      [Frame.data, 0],
      [Frame.headers, Flag.endHeaders | Flag.endStream],
    ]);
  });

  it("may have to wait for a window that was made smaller than what is out", () => {
    const wire = Wire.begun((stream) => stream.respond(OK));
    wire.say(begin(1));
    wire.streams[0]!.write(Buffer.alloc(1_000));
    wire.say(frame(Frame.settings, 0, 0, setting(4, 500)));
    wire.answers();
    expect(wire.streams[0]!.write(Buffer.from("x"))).toBe(false);
    wire.say(open(1, 500));
    expect(dataOf(wire.answers(), 1)).toBe("");
    wire.say(open(1, 1));
    expect(dataOf(wire.answers(), 1)).toBe("x");
    expect(wire.events.at(-1)).toBe("1 drained");
  });

  it("waits in its stream while the socket does not take it, and is taken in turn", () => {
    const wire = Wire.begun((stream) => stream.respond(OK));
    wire.say(frame(Frame.settings, 0, 0, setting(4, 2 ** 30)), open(0, 2 ** 30), begin(1), begin(3));
    wire.unsent = 2 ** 20;
    const [first, second] = wire.streams;
    expect(first!.write(Buffer.alloc(100_000))).toBe(false);
    expect(second!.write(Buffer.alloc(100_000))).toBe(false);
    expect(wire.answers().every(({ type }) => type !== Frame.data)).toBe(true);
    wire.unsent = 0;
    const order = wire.answers().map(({ id }) => id);
    expect(order.slice(0, 4)).toEqual([1, 3, 1, 3]);
    expect(wire.events.slice(-2)).toEqual(["1 drained", "3 drained"]);
  });
});

describe("what is received", () => {
  const windows = (wire: Wire): unknown[] =>
    wire
      .answers()
      .filter(({ type }) => type === Frame.windowUpdate)
      .map(({ id, payload }) => [id, payload.readUInt32BE(0)]);
  const data = (id: number, bytes: number): Buffer => frame(Frame.data, 0, id, Buffer.alloc(bytes));

  it("opens the windows again once half of them is used", () => {
    const wire = Wire.begun();
    wire.say(begin(1));
    for (let piece = 0; piece < 31; piece++) wire.say(data(1, 16_384));
    expect(windows(wire)).toEqual([]);
    wire.say(data(1, 16_384));
    expect(windows(wire)).toEqual([[1, 2 ** 19]]);
  });

  it("is kept while its stream is paused, up to its window, and opens nothing", () => {
    const wire = Wire.begun((stream) => stream.pause());
    wire.say(begin(1));
    for (let piece = 0; piece < 64; piece++) wire.say(data(1, 16_384));
    expect(wire.answers()).toEqual([]);
    wire.say(data(1, 1));
    expect(wire.goaway()).toBe(Code.flowControlError);
  });

  it("follows in order once its stream goes on", async () => {
    const wire = Wire.begun((stream) => stream.pause());
    const say = (text: string, flags = 0): void => wire.say(frame(Frame.data, flags, 1, Buffer.from(text)));
    wire.say(begin(1));
    say("a");
    say("b");
    wire.streams[0]!.resume();
    say("c");
    await new Promise(process.nextTick);
    say("d", Flag.endStream);
    expect(wire.events).toEqual(["1 POST /a", "1 data abcd", "1 half-closed"]);
  });

  it("by paused streams takes so much of a connection and no more", () => {
    const wire = Wire.begun((stream) => stream.pause());
    const said: Buffer[] = [];
    for (let call = 0; call < 17; call++) {
      said.push(begin(call * 2 + 1));
      for (let piece = 0; piece < 64; piece++) said.push(data(call * 2 + 1, 16_384));
    }
    wire.say(...said);
    expect(wire.goaway()).toBe(Code.flowControlError);
    expect(wire.streams).toHaveLength(17);
  });

  it("by streams that are over or refused is given back to the connection", () => {
    const wire = Wire.begun();
    for (let call = 0; call < 40; call++) {
      const id = call * 2 + 1;
      wire.say(begin(id));
      if (call % 2 === 0) wire.streams.at(-1)!.pause();
      for (let piece = 0; piece < 32; piece++) wire.say(data(id, 16_384));
      if (call % 4 < 2) wire.say(frame(Frame.rstStream, 0, id, uint32(8)));
      else wire.streams.at(-1)!.reset(Code.noError);
      if (call % 4 >= 2) wire.say(data(id, 16_384));
    }
    expect(wire.goaway()).toBeUndefined();
  });
});
