import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatBytes, utf8Bytes } from "../../src/base/bytes.ts";
import { crc32, portableCrc32 } from "../../src/base/checksum.ts";

// Lengths on both sides of the point where the native sum takes over.
const bytes = fc.uint8Array({ maxLength: 300 });

describe.each([
  ["crc32", crc32],
  ["portableCrc32", portableCrc32],
])("%s", (_name, sum) => {
  it("gives the check value of CRC-32", () => {
    expect(sum(utf8Bytes("123456789"))).toBe(0xcbf43926);
  });

  it("equals zlib's, from any seed", () => {
    fc.assert(
      fc.property(bytes, fc.integer({ min: 0, max: 0xffff_ffff }), (input, seed) => {
        expect(sum(input)).toBe(zlibCrc32(input));
        expect(sum(input, seed)).toBe(zlibCrc32(input, seed));
      }),
    );
  });

  it("goes on where an earlier sum ended", () => {
    fc.assert(
      fc.property(bytes, bytes, (first, second) => {
        expect(sum(second, sum(first))).toBe(sum(concatBytes([first, second])));
      }),
    );
  });

  it("notices any damage of up to 32 bits side by side", () => {
    const damage = fc.integer({ min: 1, max: 0xffff_ffff });
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 300 }), fc.nat(), damage, (input, where, mask) => {
        const damaged = input.slice();
        const view = new DataView(damaged.buffer);
        const offset = where % (input.length - 3);
        view.setUint32(offset, view.getUint32(offset) ^ mask);
        expect(sum(damaged)).not.toBe(sum(input));
      }),
    );
  });
});
