import type { Bounds } from "../../kv/bounds.ts";
import { UsageError } from "../command.ts";

/** The keys that a word and its flags mean; with "" every key. Throws UsageError. */
export function rangeOf(
  key: string,
  flags: { readonly prefix: boolean; readonly "from-key"?: boolean },
): Bounds {
  if (flags.prefix && flags["from-key"] === true)
    throw new UsageError("--prefix and --from-key exclude each other");
  if (key === "" && (flags.prefix || flags["from-key"] === true)) return { all: true };
  if (flags.prefix) return { prefix: key };
  if (flags["from-key"] === true) return { gte: key };
  if (key === "") throw new UsageError("a key cannot be empty");
  return { gte: key, lte: key };
}
