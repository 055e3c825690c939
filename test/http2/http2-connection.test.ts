import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerBlock } from "../../src/http2/header-block.ts";
import { Code, Flag, Frame, PREFACE } from "../../src/http2/protocol.ts";
import { BEGINNING, field, frame, integer, REQUEST, setting, uint32 } from "./support/frames.ts";
import { Wire } from "./support/wire.ts";

const {
  data,
  headers,
  priority,
  rstStream,
  settings,
  pushPromise,
  ping,
  goaway,
  windowUpdate,
  continuation,
} = Frame;
const END = Flag.endStream;
const HEAD = Flag.endHeaders;
const OK = headerBlock(200, {});

/** A request without a body, and one with. */
const ask = (id: number): Buffer => frame(headers, HEAD | END, id, REQUEST);
const begin = (id: number): Buffer => frame(headers, HEAD, id, REQUEST);

describe("a connection", () => {
  it("greets, and acknowledges settings and pings", () => {
    const wire = new Wire();
    wire.say(BEGINNING, frame(ping, 0, 0, Buffer.from("abcdefgh")));
    const answers = wire.answers();
    expect(answers.map(({ type, flags }) => [type, flags])).toEqual([
      [settings, 0],
      [windowUpdate, 0],
      [settings, Flag.ack],
      [ping, Flag.ack],
    ]);
    expect(answers[3]!.payload.toString()).toBe("abcdefgh");
  });

  it("tells a request, its data and its end, whatever stands around them", () => {
    const wire = Wire.begun();
    const padded = Buffer.concat([Buffer.from([3]), Buffer.from("hello"), Buffer.alloc(3)]);
    const cut = REQUEST.length >> 1;
    const first = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 7]), REQUEST.subarray(0, cut), Buffer.alloc(2)]);
    wire.say(
      frame(priority, 0, 3, Buffer.alloc(5)),
      frame(headers, Flag.padded | Flag.priority, 1, first),
      frame(continuation, 0, 1),
      frame(continuation, HEAD, 1, REQUEST.subarray(cut)),
      frame(99, 0xff, 1, Buffer.from("what a later RFC may bring")),
      frame(data, Flag.padded, 1, padded),
      frame(data, 0, 1, Buffer.from(", you")),
      frame(headers, HEAD | END, 1, field("checksum", "7")),
    );
    expect(wire.events).toEqual(["1 POST /a", "1 data hello, you", "1 half-closed"]);
    expect(wire.streams[0]!.head.get(":authority")).toBe("http://somewhere:1");
  });

  it("hears the same however the bytes are cut", () => {
    const session = Buffer.concat([
      BEGINNING,
      begin(1),
      frame(data, 0, 1, Buffer.alloc(16_384, "a")),
      ask(3),
      frame(ping, 0, 0, Buffer.alloc(8)),
      frame(data, END, 1, Buffer.from("b")),
      begin(5),
      frame(rstStream, 0, 5, uint32(8)),
      frame(data, 0, 6),
      ask(7),
    ]);
    const heard = (cuts: readonly number[]): unknown => {
      const wire = new Wire((stream) => stream.id === 3 && stream.end(OK));
      let from = 0;
      for (const to of [...cuts.toSorted((a, b) => a - b), session.length]) {
        wire.connection.receive(session.subarray(from, to));
        from = Math.max(from, to);
      }
      return { events: wire.events, answers: wire.answers(), hasEnded: wire.hasEnded };
    };
    const whole = heard([]);
    expect(whole).toMatchObject({ hasEnded: true });
    fc.assert(
      fc.property(fc.array(fc.nat(session.length), { maxLength: 40 }), (cuts) => {
        expect(heard(cuts)).toEqual(whole);
      }),
    );
    expect(heard(Array.from(session, (_, at) => at))).toEqual(whole);
  });

  it("that is closed lets the streams end that have begun, and begins no others", () => {
    const wire = Wire.begun();
    wire.say(begin(1));
    wire.connection.close();
    wire.say(begin(3), frame(data, END, 3, Buffer.from("lost")));
    const [farewell] = wire.answers();
    expect([farewell!.type, farewell!.payload.readUInt32BE(0), farewell!.payload.readUInt32BE(4)]).toEqual([
      goaway,
      1,
      Code.noError,
    ]);
    wire.streams[0]!.end(OK);
    expect(wire.hasEnded).toBe(false);
    wire.say(frame(data, END, 1));
    expect(wire.hasEnded).toBe(true);
    expect(wire.events).toEqual(["1 POST /a", "1 closed"]);
  });

  it("tells its streams when it is lost", () => {
    const wire = Wire.begun();
    wire.say(begin(1), begin(3));
    wire.connection.lose();
    expect(wire.events.slice(2)).toEqual(["1 closed", "3 closed"]);
    wire.streams[0]!.write(Buffer.from("nobody hears"));
    wire.streams[0]!.end(OK);
    wire.streams[0]!.reset(Code.noError);
    expect(wire.answers()).toEqual([]);
  });

  it("ends with an error of ours, when a service throws, and with no other", () => {
    const warnings: unknown[] = [];
    const onWarning = (warning: unknown): void => void warnings.push(warning);
    const { emitWarning } = process;
    process.emitWarning = onWarning;
    const wire = Wire.begun(() => {
      throw new Error("a bug");
    });
    expect(() => wire.say(ask(1))).not.toThrow();
    process.emitWarning = emitWarning;
    expect(wire.goaway()).toBe(Code.internalError);
    expect(warnings).toHaveLength(1);
  });
});

describe("what breaks the rules of RFC 9113 ends the connection", () => {
  const broken: Record<string, readonly [code: number, ...frames: Buffer[]]> = {
    "a frame above the size (4.2)": [Code.frameSizeError, frame(data, 0, 1, Buffer.alloc(0), 16_385)],
    "data of no stream (6.1)": [Code.protocolError, frame(data, 0, 0)],
    "data of an idle stream (5.1)": [Code.protocolError, frame(data, 0, 1)],
    "data of a stream that is over (5.1)": [
      Code.streamClosed,
      begin(1),
      frame(rstStream, 0, 1, uint32(8)),
      frame(data, 0, 1, Buffer.from("x")),
    ],
    "padding above the payload (6.1)": [
      Code.protocolError,
      begin(1),
      frame(data, Flag.padded, 1, Buffer.from([9])),
    ],
    "padding without a length (6.1)": [Code.protocolError, begin(1), frame(data, Flag.padded, 1)],
    "headers of no stream (6.2)": [Code.protocolError, frame(headers, HEAD, 0, REQUEST)],
    "headers without their priority (6.2)": [Code.frameSizeError, frame(headers, HEAD | Flag.priority, 1)],
    "headers of an even stream (5.1.1)": [Code.protocolError, begin(2)],
    "headers of a stream that is over (5.1)": [
      Code.streamClosed,
      begin(1),
      frame(rstStream, 0, 1, uint32(8)),
      ask(1),
    ],
    "headers of an older stream that never was (5.1.1)": [Code.streamClosed, begin(5), begin(3)],
    "a priority of no stream (6.3)": [Code.protocolError, frame(priority, 0, 0, Buffer.alloc(5))],
    "a priority that is too short (6.3)": [Code.frameSizeError, frame(priority, 0, 1, Buffer.alloc(4))],
    "a reset of no stream (6.4)": [Code.protocolError, frame(rstStream, 0, 0, uint32(0))],
    "a reset of an idle stream (6.4)": [Code.protocolError, frame(rstStream, 0, 1, uint32(0))],
    "a reset that is too short (6.4)": [Code.frameSizeError, begin(1), frame(rstStream, 0, 1)],
    "settings of a stream (6.5)": [Code.protocolError, frame(settings, 0, 1)],
    "half a setting (6.5)": [Code.frameSizeError, frame(settings, 0, 0, Buffer.alloc(5))],
    "an acknowledgement that says something (6.5)": [
      Code.frameSizeError,
      frame(settings, Flag.ack, 0, setting(4, 1)),
    ],
    "a push that is neither on nor off (6.5.2)": [Code.protocolError, frame(settings, 0, 0, setting(2, 2))],
    "a first window that is too large (6.5.2)": [
      Code.flowControlError,
      frame(settings, 0, 0, setting(4, 2 ** 31)),
    ],
    "a frame size that is too small (6.5.2)": [Code.protocolError, frame(settings, 0, 0, setting(5, 1))],
    "a frame size that is too large (6.5.2)": [
      Code.protocolError,
      frame(settings, 0, 0, setting(5, 2 ** 24)),
    ],
    "a promise (8.4)": [Code.protocolError, frame(pushPromise, HEAD, 1, REQUEST)],
    "a ping of a stream (6.7)": [Code.protocolError, frame(ping, 0, 1, Buffer.alloc(8))],
    "a ping that is too short (6.7)": [Code.frameSizeError, frame(ping, 0, 0, Buffer.alloc(7))],
    "a farewell of a stream (6.8)": [Code.protocolError, frame(goaway, 0, 1, Buffer.alloc(8))],
    "a farewell that is too short (6.8)": [Code.frameSizeError, frame(goaway, 0, 0, Buffer.alloc(7))],
    "a window of an idle stream (5.1)": [Code.protocolError, frame(windowUpdate, 0, 1, uint32(1))],
    "a window that opens by nothing (6.9)": [Code.protocolError, frame(windowUpdate, 0, 0, uint32(0))],
    "a window that gets too large (6.9.1)": [
      Code.flowControlError,
      frame(windowUpdate, 0, 0, uint32(2 ** 31 - 1)),
    ],
    "a window that is too short (6.9)": [Code.frameSizeError, frame(windowUpdate, 0, 0, Buffer.alloc(3))],
    "a continuation of nothing (6.10)": [Code.protocolError, begin(1), frame(continuation, HEAD, 1)],
    "a block that is interrupted (6.10)": [
      Code.protocolError,
      frame(headers, 0, 1, REQUEST),
      frame(ping, 0, 0, Buffer.alloc(8)),
    ],
    "a block that another stream continues (6.10)": [
      Code.protocolError,
      frame(headers, 0, 1, REQUEST),
      frame(continuation, HEAD, 3),
    ],
    "a block that cannot be read (4.3)": [
      Code.compressionError,
      frame(headers, HEAD, 1, Buffer.from([0x80])),
    ],
  };

  for (const [name, [code, ...frames]] of Object.entries(broken)) {
    it(name, () => {
      const wire = Wire.begun();
      wire.say(...frames, begin(99));
      expect(wire.goaway()).toBe(code);
      expect(wire.hasEnded).toBe(true);
      expect(wire.events).not.toContain("99 POST /a");
    });
  }

  it("another beginning (3.4)", () => {
    for (const beginning of [
      "PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nMS\r\n\r\n",
      `${PREFACE.toString("latin1")}${ask(1).toString("latin1")}`,
    ]) {
      const wire = new Wire();
      wire.say(Buffer.from(beginning, "latin1"));
      expect(wire.goaway()).toBe(Code.protocolError);
    }
  });
});

describe("what breaks the rules of a stream ends that stream", () => {
  const broken: Record<string, readonly [code: number, ...frames: Buffer[]]> = {
    "data behind the end (5.1)": [Code.streamClosed, ask(1), frame(data, 0, 1, Buffer.from("x"))],
    "headers behind the end (5.1)": [Code.streamClosed, ask(1), ask(1)],
    "second headers that do not end it (8.1)": [Code.protocolError, begin(1), begin(1)],
    "trailers with what belongs to heads (8.1)": [Code.protocolError, begin(1), ask(1)],
    "a request without a path (8.3.1)": [
      Code.protocolError,
      frame(headers, HEAD, 1, Buffer.concat([field(":method", "GET"), field(":scheme", "http")])),
    ],
    "a window that opens by nothing (6.9)": [
      Code.protocolError,
      begin(1),
      frame(windowUpdate, 0, 1, uint32(0)),
    ],
    "a window that gets too large (6.9.1)": [
      Code.flowControlError,
      begin(1),
      frame(windowUpdate, 0, 1, uint32(2 ** 31 - 1)),
    ],
    "windows of all that get too large (6.9.2)": [
      Code.flowControlError,
      begin(1),
      frame(windowUpdate, 0, 1, uint32(2 ** 31 - 1 - 65_535)),
      frame(settings, 0, 0, setting(4, 65_536)),
    ],
    "more data than announced (8.1.1)": [
      Code.protocolError,
      frame(headers, HEAD, 1, Buffer.concat([REQUEST, field("content-length", "1")])),
      frame(data, 0, 1, Buffer.from("xx")),
    ],
    "less data than announced (8.1.1)": [
      Code.protocolError,
      frame(headers, HEAD, 1, Buffer.concat([REQUEST, field("content-length", "3")])),
      frame(data, END, 1, Buffer.from("xx")),
    ],
  };

  for (const [name, [code, ...frames]] of Object.entries(broken)) {
    it(name, () => {
      const wire = Wire.begun();
      wire.say(...frames, ask(99));
      expect(wire.resets()).toEqual([[1, code]]);
      expect(wire.events.at(-2)).toBe("99 POST /a");
    });
  }

  it("and what was on its way meanwhile is not looked at", () => {
    const wire = Wire.begun();
    wire.say(begin(1));
    wire.streams[0]!.reset(Code.noError);
    wire.say(frame(data, 0, 1, Buffer.from("late")), ask(1), frame(windowUpdate, 0, 1, uint32(1)), ask(3));
    expect(wire.resets()).toEqual([[1, Code.noError]]);
    expect(wire.events).toEqual(["1 POST /a", "1 closed", "3 POST /a", "3 half-closed"]);
  });
});

describe("floods", () => {
  it("of streams that are taken back at once end the connection (CVE-2023-44487)", () => {
    const wire = Wire.begun();
    for (let id = 1; id < 20_000; id += 2) wire.say(begin(id), frame(rstStream, 0, id, uint32(8)));
    expect(wire.goaway()).toBe(Code.enhanceYourCalm);
    expect(wire.streams.length).toBeLessThan(1_100);
  });

  it("of streams that we are made to take back do so too (CVE-2025-8671)", () => {
    const wire = Wire.begun();
    for (let id = 1; id < 20_000; id += 2) wire.say(begin(id), frame(windowUpdate, 0, id, uint32(0)));
    expect(wire.goaway()).toBe(Code.enhanceYourCalm);
  });

  it("that a patient client may send in an hour are no floods", () => {
    const wire = Wire.begun();
    for (let id = 1; id < 20_000; id += 2) {
      wire.nowMs += 10;
      wire.say(begin(id), frame(rstStream, 0, id, uint32(8)));
    }
    expect(wire.goaway()).toBeUndefined();
  });

  it("of windows that a fast reader opens behind the end of its answers are no floods", () => {
    const wire = Wire.begun((stream) => stream.end(OK));
    for (let id = 1; id < 40_000; id += 2) wire.say(ask(id), frame(windowUpdate, 0, id, uint32(16_384)));
    expect(wire.goaway()).toBeUndefined();
    expect(wire.streams).toHaveLength(20_000);
  });

  it("of frames without a purpose end the connection (CVE-2019-9513, -9515, -9518)", () => {
    for (const useless of [
      frame(data, 0, 1),
      frame(priority, 0, 1, Buffer.alloc(5)),
      frame(settings, 0, 0),
      frame(settings, Flag.ack, 0),
      frame(ping, Flag.ack, 0, Buffer.alloc(8)),
      frame(42, 0, 0),
    ]) {
      const wire = Wire.begun();
      wire.say(begin(1));
      wire.say(...Array.from({ length: 10_100 }, () => useless));
      expect(wire.goaway()).toBe(Code.enhanceYourCalm);
    }
  });

  it("of continuations end the connection before they are put together (CVE-2024-27316)", () => {
    for (const piece of [Buffer.alloc(0), Buffer.alloc(16_000)]) {
      const wire = Wire.begun();
      wire.say(frame(headers, 0, 1, REQUEST));
      wire.say(...Array.from({ length: 100 }, () => frame(continuation, 0, 1, piece)));
      expect(wire.goaway()).toBe(Code.enhanceYourCalm);
    }
  });

  it("of calls at a time are refused, and the client may try again", () => {
    const wire = Wire.begun();
    for (let call = 0; call <= 4096; call++) wire.say(ask(call * 2 + 1));
    expect(wire.resets()).toEqual([[8193, Code.refusedStream]]);
    expect(wire.streams).toHaveLength(4096);
  });

  it("of headers that unpack to too much are answered with 431 (CVE-2016-1544)", () => {
    const wire = Wire.begun();
    const entry = Buffer.concat([Buffer.from([0x40, 1, 0x61]), integer(3_000, 7), Buffer.alloc(3_000, "x")]);
    wire.say(frame(headers, HEAD | END, 1, Buffer.concat([REQUEST, entry])));
    wire.say(frame(headers, HEAD | END, 3, Buffer.concat([REQUEST, Buffer.alloc(10_000, 0xbe)])));
    const [answer] = wire.answers();
    expect(answer).toMatchObject({ type: headers, id: 3, flags: HEAD | END });
    expect(answer!.payload.toString("latin1")).toContain("431");
    expect(wire.events).toEqual(["1 POST /a", "1 half-closed"]);
  });

  it("of unread answers stop new calls", () => {
    const wire = Wire.begun((stream) => {
      stream.respond(OK);
      stream.write(Buffer.alloc(130 * 2 ** 20));
    });
    wire.say(frame(settings, 0, 0, setting(4, 0)), ask(1), ask(3), ask(5));
    expect(wire.resets()).toEqual([[5, Code.refusedStream]]);
  });

  it("of silence, before the beginning and within headers, end the connection", () => {
    const silent = new Wire();
    silent.say(PREFACE);
    silent.nowMs = 9_999;
    silent.connection.expire(silent.nowMs, { beginMs: 10_000, stalledMs: 60_000 });
    expect(silent.hasEnded).toBe(false);
    silent.nowMs = 10_000;
    silent.connection.expire(silent.nowMs, { beginMs: 10_000, stalledMs: 60_000 });
    expect(silent.goaway()).toBe(Code.enhanceYourCalm);

    const slow = Wire.begun();
    slow.nowMs = 60_000;
    slow.connection.expire(slow.nowMs, { beginMs: 10_000, stalledMs: 60_000 });
    slow.say(ask(1), frame(headers, 0, 3, REQUEST));
    slow.nowMs = 70_000;
    slow.connection.expire(slow.nowMs, { beginMs: 10_000, stalledMs: 60_000 });
    expect(slow.goaway()).toBe(Code.enhanceYourCalm);
  });

  it("of silence within a frame end the connection, and of a frame each second do not", () => {
    const limits = { beginMs: 10_000, stalledMs: 60_000 };
    const pinging = Wire.begun();
    const ping = frame(Frame.ping, 0, 0, Buffer.alloc(8));
    pinging.say(ping.subarray(0, 9));
    for (; pinging.nowMs < 60_000; pinging.nowMs += 1_000) {
      pinging.say(ping.subarray(9), ping.subarray(0, 9));
      pinging.connection.expire(pinging.nowMs, limits);
    }
    expect(pinging.hasEnded).toBe(false);
    const silent = Wire.begun();
    silent.say(begin(1), frame(Frame.data, 0, 1, Buffer.alloc(100)).subarray(0, 50));
    for (; silent.nowMs <= 10_000; silent.nowMs += 5_000) silent.connection.expire(silent.nowMs, limits);
    expect(silent.goaway()).toBe(Code.enhanceYourCalm);
  });

  it("in which a client reads nothing end the stream, and as long as it reads some do not", () => {
    const wire = Wire.begun((stream) => stream.write(Buffer.alloc(200_000)));
    const limits = { beginMs: 10_000, stalledMs: 60_000 };
    wire.say(ask(1));
    for (; wire.nowMs <= 90_000; wire.nowMs += 30_000) {
      wire.say(frame(Frame.windowUpdate, 0, 0, uint32(100)), frame(Frame.windowUpdate, 0, 1, uint32(100)));
      wire.connection.expire(wire.nowMs, limits);
    }
    expect(wire.resets()).toEqual([]);
    for (let rounds = 0; rounds < 4; rounds++, wire.nowMs += 30_000)
      wire.connection.expire(wire.nowMs, limits);
    expect(wire.resets()).toEqual([[1, Code.cancel]]);
  });
});
