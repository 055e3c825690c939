import { utf8Bytes, utf8Text } from "../../base/bytes.ts";
import { pack, unpack } from "../../base/codec.ts";
import { demand, describe, isThenable } from "../../base/options.ts";
import type { Codec } from "../state-machine.ts";

/** Codecs for commands that need no other: `json` for what JSON can say, `msgpack` for the same and bytes besides. */
export type CommandCodecName = "json" | "msgpack";

const CODECS: Record<CommandCodecName, Codec<unknown>> = {
  json: {
    name: "json",
    encode: (value) => utf8Bytes(jsonOf(value)),
    decode: (bytes) => JSON.parse(utf8Text(bytes)) as unknown,
  },
  msgpack: { name: "msgpack", encode: (value) => pack(plain(value)), decode: unpack },
};

/** Throws TypeError for what a codec would turn into nothing at all: what was forgotten, not called or not awaited. */
function plain(value: unknown): unknown {
  if (!["undefined", "function", "symbol"].includes(typeof value) && !isThenable(value)) return value;
  throw new TypeError(`a command cannot be ${describe(value)}`);
}

function jsonOf(value: unknown): string {
  const text: string | undefined = JSON.stringify(plain(value));
  if (text === undefined) throw new TypeError("its toJSON returns nothing that JSON can say");
  return text;
}

export const commandCodecOption = demand(
  "json, msgpack, or a codec with a name, encode and decode",
  (value): value is Codec<unknown> | CommandCodecName => {
    if (typeof value === "string") return Object.hasOwn(CODECS, value);
    const { name, encode, decode } = (value ?? {}) as Partial<Codec<unknown>>;
    return typeof name === "string" && typeof encode === "function" && typeof decode === "function";
  },
);

/** The codec itself, or the one of that name. The caller vouches that commands are of this type. */
export function commandCodec<Command>(codec: Codec<Command> | CommandCodecName): Codec<Command> {
  return typeof codec === "string" ? (CODECS[codec] as Codec<Command>) : codec;
}
