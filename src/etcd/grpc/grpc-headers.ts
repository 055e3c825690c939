import { headerBlock } from "../../http2/header-block.ts";
import type { RpcError } from "../../wire/status.ts";

/** Letters of a message in a trailer: each may take nine bytes, and a block has to fit into one frame. */
const MESSAGE_LETTERS_MAX = 1_500;

const CONTENT_TYPE = { "content-type": "application/grpc" };
const OK = { "grpc-status": "0" };

/** What an answer begins with. */
export const HEAD = headerBlock(200, CONTENT_TYPE);
const OK_TRAILERS = headerBlock(null, OK);
const OK_ALONE = headerBlock(200, { ...CONTENT_TYPE, ...OK });

/** What an answer ends with, behind its head and its messages. */
export function trailers(error: RpcError | undefined): Buffer {
  return error === undefined ? OK_TRAILERS : headerBlock(null, failure(error));
}

/** An answer without any message: head and trailers at once. */
export function trailersOnly(error: RpcError | undefined): Buffer {
  return error === undefined ? OK_ALONE : headerBlock(200, { ...CONTENT_TYPE, ...failure(error) });
}

function failure({ code, message }: RpcError): Record<string, string> {
  return {
    "grpc-status": String(code),
    "grpc-message": percentEncoded(message.slice(0, MESSAGE_LETTERS_MAX)),
  };
}

/** Only plain characters may stand in a header. */
function percentEncoded(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  return [...Buffer.from(text)]
    .map((byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x25 ? String.fromCharCode(byte) : hexEscape(byte),
    )
    .join("");
}

function hexEscape(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  n: 1e-6,
  u: 1e-3,
  m: 1,
  S: 1_000,
  M: 60_000,
  H: 3_600_000,
};

/** A timer cannot wait longer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** How long a client waits, in milliseconds: null without a limit, and not a number where it cannot be read. */
export function timeoutOf(header: string | undefined): number | null {
  if (header === undefined) return null;
  const [, count, unit] = /^(\d{1,8})([numSMH])$/.exec(header) ?? [];
  if (unit === undefined) return Number.NaN;
  return Math.min(Math.ceil(Number(count) * UNIT_MS[unit]!), TIMER_MS_MAX);
}
