import { latin1Bytes, latin1Text } from "../base/bytes.ts";
import { pack, unpack } from "../base/codec.ts";
import { equalStructure, structureKey } from "./structure.ts";

/** A value as it stands in a scenario: as JSON where that says all, else packed, and bytes as they are; both in base64. */
export type Written = { readonly json: unknown } | { readonly bytes: string } | { readonly packed: string };

/** Throws a TypeError for what is no data. */
export function asText(value: unknown): Written {
  if (value instanceof Uint8Array) return { bytes: btoa(latin1Text(value)) };
  if (value === undefined) return { json: undefined };
  const json: unknown = JSON.parse(JSON.stringify(value) ?? "null");
  if (equalStructure(json, value)) return { json };
  const packed = packedText(value);
  if (packed === null) throw new TypeError(`a scenario is data, and cannot hold ${structureKey(value)}`);
  return { packed };
}

/** Null for what does not come back from packing as it went in: symbols, functions, instances of classes. */
function packedText(value: unknown): string | null {
  try {
    const bytes = pack(value);
    return equalStructure(unpack(bytes), value) ? btoa(latin1Text(bytes)) : null;
  } catch {
    return null;
  }
}

/** The value that was written. */
export function fromText(written: Written): unknown {
  if ("bytes" in written) return latin1Bytes(atob(written.bytes));
  if ("packed" in written) return unpack(latin1Bytes(atob(written.packed)));
  // In a file an undefined value is a missing one.
  return written.json;
}
