import { latin1Bytes, latin1Text, utf8Bytes, utf8Text } from "../base/bytes.ts";
import { QuorateError } from "../base/errors.ts";

const ASCII = /^[\0-\x7f]*$/;

/** A surrogate without its partner: UTF-8 has no bytes for it, so two different texts would become the same key. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A user's text as a byte string, by way of UTF-8. ASCII is the same in both. */
export function toByteString(text: string, argument: string): string {
  if (typeof text !== "string" || LONE_SURROGATE.test(text)) {
    throw new QuorateError("ERR_INVALID_ARGUMENT", `${argument} must be well-formed text`, {
      argument,
      received: text,
    });
  }
  return ASCII.test(text) ? text : latin1Text(utf8Bytes(text));
}

/** The text in a byte string; what is not UTF-8 shows as U+FFFD. */
export function fromByteString(bytes: string): string {
  return ASCII.test(bytes) ? bytes : utf8Text(latin1Bytes(bytes));
}
