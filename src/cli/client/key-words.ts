import type { Range } from "../../kv/keyspace.ts";
import { UsageError } from "../command.ts";

/** The keys that a word and its flags mean. Throws UsageError. */
export function rangeOf(
  key: string,
  flags: { readonly prefix: boolean; readonly "from-key"?: boolean },
): Pick<Range, "prefix" | "gte" | "lte"> {
  if (flags.prefix && flags["from-key"] === true)
    throw new UsageError("--prefix and --from-key exclude each other");
  if (flags.prefix) return { prefix: key };
  if (flags["from-key"] === true) return { gte: key };
  if (key === "") throw new UsageError("a key cannot be empty");
  return { gte: key, lte: key };
}
