import { asJson, clientCommand, expectWords, maybeNumber } from "./client-command.ts";
import { entryAsJson } from "./entry-json.ts";
import { rangeOf } from "./key-words.ts";

export const get = clientCommand({
  name: "get",
  summary: "Read keys",
  usage: "get KEY [FLAG …]",
  help: `
Prints key and value, each on a line.

  --prefix            all keys that begin with KEY; with "" all keys
  --from-key          all keys from KEY on
  --rev REVISION      as they were then
  --limit COUNT       so many at most
  --reverse           from the highest key down
  --keys-only, --print-value-only, --count-only
  --stale             whatever the server knows, without asking its leader`,
  flags: {
    prefix: "switch",
    "from-key": "switch",
    rev: "text",
    limit: "text",
    reverse: "switch",
    "keys-only": "switch",
    "print-value-only": "switch",
    "count-only": "switch",
    stale: "switch",
  },
  async run({ store, words, flags, json, print }) {
    const [key] = expectWords(words, "KEY");
    const scan = store.range({
      ...rangeOf(key!, flags),
      limit: maybeNumber("--limit", flags.limit),
      reverse: flags.reverse,
      revision: maybeNumber("--rev", flags.rev),
      consistency: flags.stale ? "stale" : undefined,
    });
    if (flags["count-only"]) {
      const count = await scan.count();
      print(json ? asJson({ revision: scan.revision, count }) : `${count}\n`);
      return 0;
    }
    const entries = await scan.toArray();
    if (json) {
      print(asJson({ revision: scan.revision, entries: entries.map(entryAsJson) }));
      return 0;
    }
    for (const entry of entries) {
      if (!flags["print-value-only"]) print(`${entry.key}\n`);
      if (!flags["keys-only"]) print(`${entry.value}\n`);
    }
    return 0;
  },
});
