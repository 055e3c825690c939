import { latin1Bytes, latin1Text, MalformedBytes } from "../base/bytes.ts";
import { leaseIdOf, leaseNumber } from "./lease-number.ts";
import type { ProtoReader, WireType } from "./reader.ts";
import type { ProtoWriter } from "./writer.ts";

/** What a field may hold: how it is read and written, in protobuf and in JSON (proto3's mapping). */
export interface Kind<Value> {
  readonly wireType: WireType;
  /** What a field holds that is not there; it is not written either. */
  readonly empty: Value;
  isEmpty(value: Value): boolean;
  read(reader: ProtoReader): Value;
  /** Writes the value, its length included, but not its tag. */
  write(writer: ProtoWriter, value: Value): void;
  toJson(value: Value): unknown;
  /** Throws MalformedBytes. */
  fromJson(json: unknown, depthLeft?: number): Value;
}

/** A field of a message. `protoName` is needed where the name here is not the camel case of the one in protobuf. */
export interface Field<Value> {
  readonly number: number;
  readonly protoName: string | null;
  readonly kind: Kind<Value extends readonly (infer Item)[] ? Item : Value>;
  readonly isRepeated: boolean;
}

const BOOL: Kind<boolean> = {
  wireType: 0,
  empty: false,
  isEmpty: (value) => !value,
  read: (reader) => reader.bool(),
  write: (writer, value) => writer.uint(Number(value)),
  toJson: (value) => value,
  fromJson(json) {
    if (typeof json === "boolean") return json;
    throw malformed("true or false", json);
  },
};

const INT64: Kind<number> = {
  wireType: 0,
  empty: 0,
  isEmpty: (value) => value === 0,
  read: (reader) => reader.int64(),
  write: (writer, value) => writer.int64(value),
  toJson: (value) => String(value),
  fromJson: (json) => Number(integer(json)),
};

const UINT32: Kind<number> = {
  ...INT64,
  read: (reader) => reader.uint32(),
  toJson: (value) => value,
  fromJson: (json) => Number(BigInt.asUintN(32, integer(json))),
};

const UINT64: Kind<bigint> = {
  wireType: 0,
  empty: 0n,
  isEmpty: (value) => value === 0n,
  read: (reader) => reader.uint64(),
  write: (writer, value) => writer.uint64(value),
  toJson: (value) => String(value),
  fromJson: (json) => BigInt.asUintN(64, integer(json)),
};

const LEASE: Kind<string> = {
  wireType: 0,
  empty: "",
  isEmpty: (value) => value === "",
  read: (reader) => leaseIdOf(BigInt.asIntN(64, reader.uint64())),
  write: (writer, value) => writer.uint64(BigInt.asUintN(64, leaseNumber(value))),
  toJson: (value) => String(leaseNumber(value)),
  fromJson: (json) => leaseIdOf(integer(json)),
};

const BYTE_STRING: Kind<string> = {
  wireType: 2,
  empty: "",
  isEmpty: (value) => value === "",
  read: (reader) => reader.byteString(),
  write(writer, value) {
    writer.byteString(value);
    writer.uint(value.length);
  },
  toJson: (value) => btoa(value),
  fromJson: (json) => latin1Text(base64(json)),
};

const BLOB: Kind<Uint8Array> = {
  wireType: 2,
  empty: new Uint8Array(0),
  isEmpty: (value) => value.length === 0,
  read: (reader) => reader.view(),
  write(writer, value) {
    writer.bytes(value);
    writer.uint(value.length);
  },
  toJson: (value) => btoa(latin1Text(value)),
  fromJson: base64,
};

const TEXT: Kind<string> = {
  wireType: 2,
  empty: "",
  isEmpty: (value) => value === "",
  read: (reader) => reader.text(),
  write(writer, value) {
    const before = writer.length;
    writer.text(value);
    writer.uint(writer.length - before);
  },
  toJson: (value) => value,
  fromJson(json) {
    if (typeof json === "string") return json;
    throw malformed("text", json);
  },
};

export const bool = single(BOOL);
/** A signed number of 64 bits that we only count or compare by: exact up to 2^53. */
export const int64 = single(INT64);
export const uint32 = single(UINT32);
/** An id: all 64 bits of it. */
export const uint64 = single(UINT64);
/** A lease's id: a number on the wire, text in the store, and the empty text for 0. */
export const leaseId = single(LEASE);
/** Bytes that are a key or a value: a byte string, as in the store. */
export const byteString = single(BYTE_STRING);
/** Other bytes: a view of the message. */
export const blob = single(BLOB);
export const text = single(TEXT);

/** A number with a name in JSON. One that is not known is kept. */
export function enumeration(number: number, names: readonly string[], protoName?: string): Field<number> {
  return field(number, enumKind(names), false, protoName);
}

export const texts = many(TEXT);
export const byteStrings = many(BYTE_STRING);

export function enumerations(number: number, names: readonly string[]): Field<readonly number[]> {
  return field(number, enumKind(names), true);
}

function enumKind(names: readonly string[]): Kind<number> {
  return {
    ...INT64,
    read: (reader) => reader.int64() | 0,
    toJson: (value) => names[value] ?? value,
    fromJson(json) {
      if (typeof json !== "string" || /^-?\d+$/.test(json)) return Number(integer(json));
      const value = names.indexOf(json);
      if (value !== -1) return value;
      throw malformed(`one of ${names.join(", ")}`, json);
    },
  };
}

function single<Value>(kind: Kind<Value>): (number: number, protoName?: string) => Field<Value> {
  return (number, protoName) => field(number, kind, false, protoName);
}

function many<Value>(kind: Kind<Value>): (number: number, protoName?: string) => Field<readonly Value[]> {
  return (number, protoName) => field(number, kind, true, protoName);
}

export function field<Value, Item>(
  number: number,
  kind: Kind<Item>,
  isRepeated: boolean,
  protoName?: string,
): Field<Value> {
  return { number, kind: kind as unknown as Field<Value>["kind"], isRepeated, protoName: protoName ?? null };
}

const INTEGER = /^-?\d{1,20}$/;

/** 64-bit numbers are text in JSON, since JSON's own are not so exact; numbers are taken as well. */
function integer(json: unknown): bigint {
  if (typeof json === "number" && Number.isSafeInteger(json)) return BigInt(json);
  if (typeof json === "string" && INTEGER.test(json)) {
    const value = BigInt(json);
    if (value === BigInt.asIntN(64, value) || value === BigInt.asUintN(64, value)) return value;
  }
  throw malformed("a whole number of 64 bits", json);
}

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

function base64(json: unknown): Uint8Array {
  if (typeof json !== "string" || !BASE64.test(json)) throw malformed("base64", json);
  try {
    return latin1Bytes(atob(json.replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    throw malformed("base64", json);
  }
}

export function malformed(expected: string, json: unknown): MalformedBytes {
  const shown = typeof json === "string" ? JSON.stringify(json.slice(0, 40)) : typeof json;
  return new MalformedBytes(`expected ${expected}, not ${shown}`);
}
