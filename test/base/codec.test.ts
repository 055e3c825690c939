import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pack, unpack } from "../../src/base/codec.ts";

// What our own metadata is made of: arrays of numbers, texts, bytes, booleans, null.
const leaf = fc.oneof(
  fc.maxSafeInteger(),
  fc.string({ unit: "grapheme" }),
  fc.uint8Array(),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie("any"))),
})).any;

/** Buffers become plain bytes, so that values can be compared. */
function plain(given: unknown): unknown {
  if (given instanceof Uint8Array) return new Uint8Array(given);
  return Array.isArray(given) ? given.map(plain) : given;
}

describe("pack and unpack", () => {
  it("give back what was packed", () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(plain(unpack(pack(given)))).toEqual(plain(given));
      }),
    );
  });

  it("give the same bytes whatever was packed before", () => {
    const record = fc.dictionary(fc.string(), fc.integer());
    fc.assert(
      fc.property(record, fc.array(record), (given, others) => {
        const first = pack(given);
        for (const other of others) pack(other);
        expect(pack(given)).toEqual(first);
      }),
    );
  });

  it("keep apart from msgpackr's pool and from the input", () => {
    const packed = pack(["small"]);
    expect(packed.buffer.byteLength).toBe(packed.length);

    const bytes = pack([new Uint8Array([1, 2, 3])]);
    const [unpacked] = unpack(bytes) as [Uint8Array];
    bytes.fill(0);
    expect([...unpacked]).toEqual([1, 2, 3]);
  });

  it("refuse bytes that are cut short or have more behind them", () => {
    fc.assert(
      fc.property(value, fc.nat(), (given, cut) => {
        const bytes = pack(given);
        expect(() => unpack(bytes.subarray(0, cut % bytes.length))).toThrow();
        expect(() => unpack(new Uint8Array([...bytes, 0]))).toThrow();
      }),
    );
  });

  it("give a value or an error on any bytes, never more", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        try {
          unpack(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });

  it("do not call toJSON on what is stored", () => {
    const given = { kept: 1, toJSON: () => "lost" };
    expect(() => unpack(pack({ ...given, toJSON: undefined }))).not.toThrow();
    expect(unpack(pack(given))).not.toBe("lost");
  });
});
