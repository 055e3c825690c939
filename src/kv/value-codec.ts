import { latin1Bytes, latin1Text } from "../base/bytes.ts";
import { pack, unpack } from "../base/codec.ts";
import { invalidArgument, QuorateError } from "../base/errors.ts";
import { demand, describe, isThenable } from "../base/options.ts";
import type { Codec } from "../replica/state-machine.ts";
import { fromByteString, toByteString } from "./byte-text.ts";

/**
 * How values are stored, by name: `utf8` takes text, `binary` Uint8Arrays, `json` what JSON can say, `msgpack` the
 * same and binary data besides.
 */
export type CodecName = "utf8" | "binary" | "json" | "msgpack";

/**
 * How values become bytes: the name of a codec that is built in (`utf8`, `binary`, `json`, `msgpack`), or one
 * of your own.
 */
export type ValuesOption = CodecName | Codec<unknown>;

export const valuesOption = demand(
  "utf8, binary, json, msgpack, or a codec with a name, encode and decode",
  (value): value is ValuesOption => {
    if (typeof value === "string") return Object.hasOwn(BUILT_IN, value);
    const { name, encode, decode } = (value ?? {}) as Partial<Codec<unknown>>;
    return typeof name === "string" && typeof encode === "function" && typeof decode === "function";
  },
);

/** The type of the values that a codec stands for. */
export type CodecValue<Values> = Values extends "utf8"
  ? string
  : Values extends "binary"
    ? Uint8Array
    : Values extends CodecName
      ? unknown
      : Values extends Codec<infer Value>
        ? Value
        : never;

/** Between values and the machine's byte strings. */
export interface ValueCodec<Value> {
  /** Whether values are such as nobody can change, so that one may be given to many. */
  readonly isImmutable: boolean;
  /** Throws ERR_INVALID_ARGUMENT. */
  encode(value: Value): string;
  /** Throws whatever the codec throws: who knows the key makes ERR_DECODE of it. */
  decode(bytes: string): Value;
}

/** Throws ERR_INVALID_ARGUMENT for an unknown name; the codec itself throws it for values that it cannot take. */
export function valueCodec<Values extends ValuesOption>(values: Values): ValueCodec<CodecValue<Values>> {
  const codec = typeof values === "string" ? builtIn(values) : custom(values);
  return codec as ValueCodec<CodecValue<Values>>;
}

function builtIn(name: CodecName): ValueCodec<never> {
  const codec = BUILT_IN[name] as ValueCodec<never> | undefined;
  if (codec !== undefined) return codec;
  throw invalidArgument("values", name, `there is no codec named ${name}`);
}

const BUILT_IN: { readonly [Name in CodecName]: ValueCodec<CodecValue<Name>> } = {
  utf8: {
    isImmutable: true,
    encode: (text) => toByteString(text, "value"),
    decode: fromByteString,
  },
  binary: custom({
    name: "binary",
    encode: (bytes: Uint8Array) => bytes,
    decode: (bytes) => bytes,
  }),
  json: {
    isImmutable: false,
    encode: (value) => guarded("json", () => toByteString(jsonOf(plainValue(value)), "value")),
    decode: (bytes) => JSON.parse(fromByteString(bytes)) as unknown,
  },
  msgpack: custom({ name: "msgpack", encode: pack, decode: unpack }),
};

function custom<Value>(codec: Codec<Value>): ValueCodec<Value> {
  return {
    isImmutable: false,
    encode: (value) => guarded(codec.name, () => latin1Text(checkedBytes(codec.encode(plainValue(value))))),
    decode: (bytes) => {
      const value = codec.decode(latin1Bytes(bytes));
      if (!isThenable(value)) return value;
      Promise.resolve(value).catch(() => {});
      throw new TypeError(`decode of the codec ${codec.name} must give a value, not a promise`);
    },
  };
}

/** Refuses what a codec would take for an empty object: a value that was not awaited, or a function that was not called. */
function plainValue<Value>(value: Value): Value {
  if (typeof value !== "function" && !isThenable(value)) return value;
  throw invalidArgument("value", value, `a value cannot be ${describe(value)}`);
}

/** JSON leaves out undefined and symbols, so that there would be no value. */
function jsonOf(value: unknown): string {
  const json: string | undefined = JSON.stringify(value);
  if (json !== undefined) return json;
  throw invalidArgument("value", value, `a value cannot be ${describe(value)}: JSON has nothing for it`);
}

function checkedBytes(bytes: Uint8Array): Uint8Array {
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError("a value is encoded as a Uint8Array");
}

/** What a codec throws at a value that it is to encode becomes our error, with its own as the cause. */
function guarded<Result>(name: string, run: () => Result): Result {
  try {
    return run();
  } catch (cause) {
    if (QuorateError.is(cause)) throw cause;
    const details = { argument: "value" };
    throw new QuorateError("ERR_INVALID_ARGUMENT", `the value is not one for ${name}`, details, { cause });
  }
}
