import { utf8Bytes, utf8Text } from "../../base/bytes.ts";
import { pack, unpack } from "../../base/codec.ts";
import { demand } from "../../base/options.ts";
import type { Codec } from "../state-machine.ts";

/** Codecs for commands that need no other: `json` for what JSON can say, `msgpack` for the same and bytes besides. */
export type CommandCodecName = "json" | "msgpack";

const CODECS: Record<CommandCodecName, Codec<unknown>> = {
  json: {
    name: "json",
    encode: (value) => utf8Bytes(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(utf8Text(bytes)) as unknown,
  },
  msgpack: { name: "msgpack", encode: pack, decode: unpack },
};

export const commandCodecOption = demand(
  "json, msgpack, or a codec with a name, encode and decode",
  (value): value is Codec<unknown> | CommandCodecName => {
    if (typeof value === "string") return Object.hasOwn(CODECS, value);
    const { encode, decode } = (value ?? {}) as Partial<Codec<unknown>>;
    return typeof encode === "function" && typeof decode === "function";
  },
);

/** The codec itself, or the one of that name. The caller vouches that commands are of this type. */
export function commandCodec<Command>(codec: Codec<Command> | CommandCodecName): Codec<Command> {
  return typeof codec === "string" ? (CODECS[codec] as Codec<Command>) : codec;
}
