import type { Bounds } from "../../kv/bounds.ts";
import { UsageError } from "../command.ts";
import { asJson, clientCommand, expectWords } from "./client-command.ts";
import { rangeOf } from "./key-words.ts";

export const del = clientCommand({
  name: "del",
  summary: "Delete keys",
  usage: "del KEY [FLAG …]",
  help: `
Deletes, in one revision, and prints how many keys there were.

  --prefix            all keys that begin with KEY
  --from-key          all keys from KEY on
  --all               every key; takes no KEY`,
  flags: { prefix: "switch", "from-key": "switch", all: "switch" },
  async run({ store, words, flags, json, print }) {
    const { revision, deleted } = await store.delete(deletedBy(words, flags));
    print(json ? asJson({ revision, deleted }) : `${deleted}\n`);
    return 0;
  },
});

interface DeleteFlags {
  readonly prefix: boolean;
  readonly "from-key": boolean;
  readonly all: boolean;
}

/** An empty word is more often a variable of the shell that is not set than every key, so that is said in another way. */
function deletedBy(words: readonly string[], flags: DeleteFlags): Bounds {
  if (flags.all) {
    expectWords(words);
    if (flags.prefix || flags["from-key"])
      throw new UsageError("--all takes neither --prefix nor --from-key");
    return { all: true };
  }
  const [key] = expectWords(words, "KEY");
  if (key === "") throw new UsageError("KEY is empty; to delete every key, pass --all");
  return rangeOf(key!, flags);
}
