import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ByteReader,
  ByteWriter,
  concatBytes,
  equalBytes,
  isAscii,
  latin1Bytes,
  latin1Text,
  MalformedBytes,
  utf8Bytes,
  utf8Text,
} from "../../src/base/bytes.ts";

/** One value and the call that writes or reads it. */
type Field =
  | { kind: "u8" | "u32" | "u64" | "f64"; value: number }
  | { kind: "block"; value: Uint8Array }
  | { kind: "text"; value: string }
  | { kind: "latin1"; value: string };

const bytes = fc.uint8Array({ maxLength: 200 });
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ kind: fc.constant("u8" as const), value: fc.integer({ min: 0, max: 0xff }) }),
  fc.record({ kind: fc.constant("u32" as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ kind: fc.constant("u64" as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant("f64" as const), value: fc.double() }),
  fc.record({ kind: fc.constant("block" as const), value: bytes }),
  fc.record({
    kind: fc.constant("latin1" as const),
    value: fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 60 }),
  }),
  fc.record({ kind: fc.constant("text" as const), value: fc.string({ unit: "grapheme", maxLength: 50 }) }),
);

function write(writer: ByteWriter, { kind, value }: Field): void {
  if (kind === "block") writer.block(value);
  else if (kind === "text") writer.text(value);
  else if (kind === "latin1") writer.latin1(value);
  else writer[kind](value);
}

function writeAll(fields: readonly Field[], capacity?: number): Uint8Array {
  const writer = new ByteWriter(capacity);
  for (const each of fields) write(writer, each);
  return writer.take();
}

describe("what ByteWriter writes ByteReader reads", () => {
  it("field by field, whatever the room at the start", () => {
    fc.assert(
      fc.property(fc.array(field), fc.integer({ min: 0, max: 64 }), (fields, capacity) => {
        const reader = new ByteReader(writeAll(fields, capacity));
        for (const { kind, value } of fields) expect(reader[kind]()).toEqual(value);
        reader.end();
      }),
    );
  });

  it("from any place in a larger buffer", () => {
    fc.assert(
      fc.property(bytes, fc.array(field), bytes, (before, fields, after) => {
        const whole = concatBytes([before, writeAll(fields), after]);
        const within = whole.subarray(before.length, whole.length - after.length);
        const inside = new ByteReader(within);
        const offset = new ByteReader(whole, before.length);
        for (const { kind, value } of fields) {
          expect(inside[kind]()).toEqual(value);
          expect(offset[kind]()).toEqual(value);
        }
        inside.end();
        expect(offset.remaining).toBe(after.length);
      }),
    );
  });

  it("in little-endian order", () => {
    const writer = new ByteWriter();
    writer.u32(0x01020304);
    writer.u64(2 ** 40 + 5);
    expect([...writer.take()]).toEqual([4, 3, 2, 1, 5, 0, 0, 0, 0, 1, 0, 0]);
  });
});

describe("ByteReader", () => {
  it("never reads past the end, and does not move when it refuses", () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1 }), fc.nat(), (fields, cut) => {
        const whole = writeAll(fields);
        // NaN patterns aside, what is cut short cannot be read to the end.
        const reader = new ByteReader(whole.subarray(0, cut % whole.length));
        expect(() => {
          for (const { kind } of fields) reader[kind]();
        }).toThrow(MalformedBytes);
        expect(reader.offset).toBeLessThanOrEqual(cut % whole.length);
        expect(reader.remaining).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it("gives a value or MalformedBytes on any bytes, and nothing else", () => {
    const calls = fc.array(fc.constantFrom("u8", "u32", "u64", "f64", "block", "text"));
    fc.assert(
      fc.property(bytes, calls, (input, kinds) => {
        const reader = new ByteReader(input);
        for (const kind of kinds) {
          try {
            reader[kind as Field["kind"]]();
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedBytes);
          }
          expect(reader.offset + reader.remaining).toBe(input.length);
          expect(reader.remaining).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  it("refuses a length beyond the bytes that are there without making room for it", () => {
    const writer = new ByteWriter();
    writer.u32(0xffff_ffff);
    expect(() => new ByteReader(writer.take()).block()).toThrow("needs 4294967295 bytes, has 0");
  });

  it("refuses numbers that a number cannot hold", () => {
    const writer = new ByteWriter();
    writer.u64(Number.MAX_SAFE_INTEGER);
    writer.u32(0);
    writer.u32(0x20_0000);
    const reader = new ByteReader(writer.take());
    expect(reader.u64()).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => reader.u64()).toThrow("number above 2^53");
  });

  it("tells when something is left over", () => {
    const reader = new ByteReader(new Uint8Array(3));
    reader.u8();
    expect(() => reader.end()).toThrow("2 bytes left over");
  });

  it("hands out views, not copies", () => {
    const input = new Uint8Array([2, 0, 0, 0, 7, 8]);
    const block = new ByteReader(input).block();
    input[4] = 9;
    expect([...block]).toEqual([9, 8]);
  });
});

describe("ByteWriter", () => {
  it("takes a copy that later writes leave alone", () => {
    const writer = new ByteWriter(4);
    writer.u32(1);
    const first = writer.take();
    writer.u32(2);
    expect([...first]).toEqual([1, 0, 0, 0]);
    expect([...writer.written()]).toEqual([2, 0, 0, 0]);
  });

  it("starts afresh after a reset", () => {
    const writer = new ByteWriter();
    writer.text("forgotten");
    writer.reset();
    expect(writer.length).toBe(0);
    expect(writer.take()).toHaveLength(0);
  });

  it("patches what was written, and nothing beyond it", () => {
    const writer = new ByteWriter();
    writer.u32(0);
    writer.u8(5);
    writer.patchU32(0, 0xffff_ffff);
    expect([...writer.written()]).toEqual([255, 255, 255, 255, 5]);
    expect([...writer.written(4)]).toEqual([5]);
    expect(() => writer.patchU32(2, 0)).toThrow("within what was written");
  });
});

describe("byte strings", () => {
  it("hold any bytes", () => {
    fc.assert(
      fc.property(bytes, (input) => {
        expect(latin1Bytes(latin1Text(input))).toEqual(input);
      }),
    );
  });

  it("compare with < in byte order", () => {
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        const order = Math.sign(Buffer.compare(left, right));
        const [a, b] = [latin1Text(left), latin1Text(right)];
        expect(a < b ? -1 : a > b ? 1 : 0).toBe(order);
      }),
    );
  });

  it("are the same without Buffer, however long", () => {
    const text = fc.sample(fc.uint8Array({ minLength: 20_000, maxLength: 20_000 }), 1)[0]!;
    const withBuffer = latin1Text(text);
    const { Buffer: kept } = globalThis;
    try {
      Reflect.deleteProperty(globalThis, "Buffer");
      expect(latin1Text(text) === withBuffer).toBe(true);
    } finally {
      globalThis.Buffer = kept;
    }
  });
});

describe("helpers on bytes", () => {
  it("join parts in order", () => {
    fc.assert(
      fc.property(fc.array(bytes), (parts) => {
        expect([...concatBytes(parts)]).toEqual(parts.flatMap((part) => [...part]));
      }),
    );
  });

  it("call equal what has the same bytes, and nothing else", () => {
    fc.assert(
      fc.property(bytes, bytes, (left, right) => {
        expect(equalBytes(left, left.slice())).toBe(true);
        expect(equalBytes(left, right)).toBe(Buffer.compare(left, right) === 0);
      }),
    );
  });

  it("carry text through UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(utf8Text(utf8Bytes(text))).toBe(text);
      }),
    );
  });
});

describe("isAscii", () => {
  it("holds for texts whose every unit is below 128, and for no others", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.integer({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
    );
    fc.assert(
      fc.property(text, (given) => {
        expect(isAscii(given)).toBe(
          [...Array(given.length).keys()].every((at) => given.charCodeAt(at) < 128),
        );
      }),
    );
  });
});
