import { equalBytes } from "../base/bytes.ts";

/**
 * Values by what they hold, not by who they are. A property that is `undefined` counts as missing, since it does not
 * survive JSON or MessagePack; 0 and -0 differ, and NaN equals itself.
 */
export function equalStructure(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (left instanceof Uint8Array && right instanceof Uint8Array) return equalBytes(left, right);
  return structureKey(left) === structureKey(right);
}

/**
 * A text that is the same for equal structures, and only for these. The order of a Map or a Set does not count, nor
 * that of properties.
 */
export function structureKey(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "object":
      return value === null ? "null" : keyOfObject(value);
    default:
      return String(value);
  }
}

function keyOfObject(value: object): string {
  if (Array.isArray(value)) return `[${value.map(structureKey).join(",")}]`;
  if (ArrayBuffer.isView(value)) return keyOfBytes(value);
  // By its tag, not its class: a date is data, while asking what time it is now would not be.
  if (Object.prototype.toString.call(value) === "[object Date]") return `Date(${Number(value)})`;
  if (value instanceof Error) return `${value.name}(${JSON.stringify(value.message)})`;
  if (value instanceof Set) return `Set{${[...value].map(structureKey).sort().join(",")}}`;
  if (value instanceof Map) {
    const entries = [...value].map(([key, each]) => `${structureKey(key)}=>${structureKey(each)}`);
    return `Map{${entries.sort().join(",")}}`;
  }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${entries
    .map(([name, each]) => `${JSON.stringify(name)}:${structureKey(each)}`)
    .sort()
    .join(",")}}`;
}

function keyOfBytes(view: ArrayBufferView): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return `bytes(${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")})`;
}
