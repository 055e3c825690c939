import { Packr } from "msgpackr";

/**
 * MessagePack for what is structured and rare: commands, membership, metadata. Written as arrays, never as maps or
 * msgpackr's records, whose bytes would depend on what was packed before. Decoded bytes are copies.
 */
const packr = new Packr({ useRecords: false, variableMapSize: true, useToJSON: false, copyBuffers: true });

/** Packs into bytes of their own: msgpackr's pool is shared, and a small slice kept in a log would pin a whole page of it. */
export function pack(value: unknown): Uint8Array {
  return Uint8Array.prototype.slice.call(packr.pack(value));
}

/** Throws on bytes that are not exactly one value. The shape is the caller's to check. */
export function unpack(bytes: Uint8Array): unknown {
  return packr.unpack(bytes);
}
