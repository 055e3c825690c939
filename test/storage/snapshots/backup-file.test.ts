import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuorateError } from "../../../src/base/errors.ts";
import { type BackupHeader, BackupReader, encodeBackup } from "../../../src/storage/snapshots/backup-file.ts";

const HEADER: BackupHeader = {
  backupId: "ab".repeat(16),
  clusterId: "cd".repeat(16),
  kind: "kv",
  index: 70,
  term: 3,
  time: 1_700_000_000_123,
  revision: 55,
};

function bytesOf(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...encodeBackup(HEADER, chunks)]);
}

function readerOf(bytes: Uint8Array): BackupReader {
  return new BackupReader("file", (offset, length) => bytes.subarray(offset, offset + length));
}

describe("a backup", () => {
  it("gives back what was written, in chunks of any size", () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });
    fc.assert(
      fc.property(chunks, (given) => {
        const reader = readerOf(bytesOf(given));
        expect(reader.header).toEqual(HEADER);
        expect(Buffer.concat([...reader.chunks()]).equals(Buffer.concat(given))).toBe(true);
        expect(Buffer.concat([...reader.chunks()]).equals(Buffer.concat(given)), "a second time").toBe(true);
      }),
    );
  });

  it("cuts long chunks, so that reading needs no more memory than a mebibyte or so", () => {
    const long = new Uint8Array(2_500_000).fill(7);
    const lengths = [...readerOf(bytesOf([long])).chunks()].map(({ length }) => length);
    expect(Math.max(...lengths)).toBe(1024 * 1024);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(long.length);
  });

  it("is refused when any bit of it is flipped, or anything is missing at its end or too much", () => {
    const whole = bytesOf([Uint8Array.of(1, 2, 3), new Uint8Array(40).fill(9), Uint8Array.of(4)]);
    const verdictOf = (bytes: Uint8Array): string => {
      try {
        return `${[...readerOf(bytes).chunks()].length} chunks`;
      } catch (error) {
        if (!QuorateError.is(error)) throw error;
        return error.code;
      }
    };
    expect(verdictOf(whole)).toBe("3 chunks");
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const hurt = whole.slice();
      hurt[bit >> 3]! ^= 1 << (bit & 7);
      expect(verdictOf(hurt), `bit ${bit}`).toMatch(/^ERR_CORRUPT|ERR_INCOMPATIBLE$/);
    }
    for (let length = 0; length < whole.length; length++)
      expect(verdictOf(whole.subarray(0, length)), `${length} bytes`).toBe("ERR_CORRUPT");
    expect(verdictOf(Buffer.concat([whole, Uint8Array.of(0)]))).toBe("ERR_CORRUPT");
  });
});
