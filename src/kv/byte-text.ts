import { isAscii, latin1Bytes, latin1Text, utf8Bytes, utf8Text } from "../base/bytes.ts";
import { invalidArgument } from "../base/errors.ts";
import { describe } from "../base/options.ts";

/** A surrogate without its partner: UTF-8 has no bytes for it, so two different texts would become the same key. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** A user's text as a byte string, by way of UTF-8. ASCII is the same in both. */
export function toByteString(text: string, argument: string): string {
  if (typeof text === "string") {
    if (isAscii(text)) return text;
    if (!LONE_SURROGATE.test(text)) return latin1Text(utf8Bytes(text));
  }
  const not = typeof text === "string" ? "" : `, not ${describe(text)}`;
  throw invalidArgument(argument, text, `${argument} must be well-formed text${not}`);
}

/** The text in a byte string; what is not UTF-8 shows as U+FFFD. */
export function fromByteString(bytes: string): string {
  return isAscii(bytes) ? bytes : utf8Text(latin1Bytes(bytes));
}
