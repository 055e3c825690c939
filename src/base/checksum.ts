/**
 * CRC-32 (IEEE 802.3, reflected, as in zlib and PNG). Pass an earlier result as `seed` to go on where it ended:
 * `crc32(b, crc32(a)) === crc32(a then b)`. Detects damage, not tampering.
 */
export type Checksum = (bytes: Uint8Array, seed?: number) => number;

const TABLE = makeTable();

function makeTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let word = byte;
    for (let bit = 0; bit < 8; bit++) word = word & 1 ? (word >>> 1) ^ 0xedb88320 : word >>> 1;
    table[byte] = word;
  }
  return table;
}

/** The same sum without native help; faster than a native call below about 64 bytes. */
export function portableCrc32(bytes: Uint8Array, seed = 0): number {
  let word = ~seed;
  for (let at = 0; at < bytes.length; at++) word = (word >>> 8) ^ TABLE[(word ^ bytes[at]!) & 0xff]!;
  return ~word >>> 0;
}

const NATIVE_BYTES_MIN = 64;

/** Node's own crc32, about ten times as fast on long inputs; absent in browsers. */
const native: Checksum | undefined = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => { crc32?: Checksum } } }
).process?.getBuiltinModule?.("node:zlib")?.crc32;

export const crc32: Checksum =
  native === undefined
    ? portableCrc32
    : (bytes, seed = 0) =>
        bytes.length < NATIVE_BYTES_MIN ? portableCrc32(bytes, seed) : native(bytes, seed);
