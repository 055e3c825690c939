import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, MalformedBytes } from "../../../src/base/bytes.ts";
import { encodeFrames, FRAME_HEADER_BYTES, FrameDecoder } from "../../../src/transport/codec/framing.ts";

const payloads = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });

/** The bytes in pieces, cut at these places. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort(
    (left, right) => left - right,
  );
  const from = [0, ...places];
  return from.map((start, at) => bytes.subarray(start, from[at + 1] ?? bytes.length));
}

function decodeAll(decoder: FrameDecoder, arriving: readonly Uint8Array[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (const piece of arriving) {
    decoder.push(piece);
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) frames.push(frame);
  }
  return frames;
}

test("frames come out as they went in, however the stream is cut", () => {
  fc.assert(
    fc.property(payloads, fc.array(fc.nat(), { maxLength: 40 }), (sent, cuts) => {
      const arriving = pieces(encodeFrames(sent), cuts);
      expect(decodeAll(new FrameDecoder(1000), arriving)).toEqual(sent);
    }),
  );
});

test("frames come out of a stream that arrives byte by byte", () => {
  const sent = [new Uint8Array(300).fill(7), new Uint8Array(0), Uint8Array.of(1)];
  const bytes = encodeFrames(sent);
  const single = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
  expect(decodeAll(new FrameDecoder(1000), single)).toEqual(sent);
});

test("a frame within one piece is a view, not a copy, and no Buffer", () => {
  const piece = Buffer.from(encodeFrames([Uint8Array.of(1, 2, 3), Uint8Array.of(4)]));
  const frames = decodeAll(new FrameDecoder(1000), [piece]);
  expect(frames.map((frame) => frame.buffer)).toEqual([piece.buffer, piece.buffer]);
  expect(frames[0]).not.toBeInstanceOf(Buffer);
});

test("what is held of an unfinished frame grows with what arrived, not with what it promises", () => {
  const frame = encodeFrames([new Uint8Array(10_000_000)]);
  const decoder = new FrameDecoder(20_000_000);
  const before = process.memoryUsage().arrayBuffers;
  decodeAll(decoder, [frame.subarray(0, 20), frame.subarray(20, 40)]);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
});

test("a frame above the limit is refused by its header alone", () => {
  const header = encodeFrames([new Uint8Array(101)]).subarray(0, FRAME_HEADER_BYTES);
  const decoder = new FrameDecoder(100);
  expect(() => decodeAll(decoder, [header])).toThrow(MalformedBytes);
  expect(() => decodeAll(new FrameDecoder(100), [header.subarray(0, 3), header.subarray(3)])).toThrow(
    MalformedBytes,
  );
});

/** Gives the bytes one by one, and tells what came out and after how many bytes the stream was refused. */
function decodeSlowly(bytes: Uint8Array): { readonly frames: Uint8Array[]; readonly refusedAfter: number } {
  const decoder = new FrameDecoder(16 * 1024 * 1024);
  const frames: Uint8Array[] = [];
  try {
    for (let at = 0; at < bytes.length; at++)
      frames.push(...decodeAll(decoder, [bytes.subarray(at, at + 1)]));
  } catch (error) {
    expect(error).toBeInstanceOf(MalformedBytes);
    return { frames, refusedAfter: decoder.unfinishedBytes + lengthOf(frames) };
  }
  return { frames, refusedAfter: Number.POSITIVE_INFINITY };
}

function lengthOf(frames: readonly Uint8Array[]): number {
  return encodeFrames(frames).length;
}

test("one flipped bit is noticed by the end of the header that it hits, or of the frame", () => {
  const nonEmpty = fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(nonEmpty, fc.nat(), (sent, seed) => {
      const bytes = encodeFrames(sent);
      const bit = seed % (bytes.length * 8);
      const damaged = bytes.slice();
      damaged[bit >> 3]! ^= 1 << (bit & 7);

      const { frames, refusedAfter } = decodeSlowly(damaged);
      const begin = lengthOf(frames);
      const hit = (bit >> 3) - begin;
      const due = hit < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : lengthOf([sent[frames.length]!]);
      expect(frames).toEqual(sent.slice(0, frames.length));
      expect(hit).toBeGreaterThanOrEqual(0);
      expect(hit).toBeLessThan(due);
      expect(refusedAfter).toBeLessThanOrEqual(begin + due);
    }),
    { numRuns: 1_000 },
  );
});

test("each single bit of a header is guarded, though nothing follows it", () => {
  const header = encodeFrames([new Uint8Array(1000)]).subarray(0, FRAME_HEADER_BYTES);
  for (let bit = 0; bit < FRAME_HEADER_BYTES * 8; bit++) {
    const damaged = header.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => decodeAll(new FrameDecoder(16 * 1024 * 1024), [damaged])).toThrow(MalformedBytes);
  }
});

test("a stream of zeros holds no frames", () => {
  expect(() => decodeAll(new FrameDecoder(1000), [new Uint8Array(64)])).toThrow(MalformedBytes);
});

test("frames side by side are the frames one after the other", () => {
  fc.assert(
    fc.property(payloads, (sent) => {
      expect(encodeFrames(sent)).toEqual(concatBytes(sent.map((payload) => encodeFrames([payload]))));
    }),
  );
});
