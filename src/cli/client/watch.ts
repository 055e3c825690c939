import type { WatchEvent } from "../../kv/watch.ts";
import { asJson, clientCommand, expectWords, maybeNumber } from "./client-command.ts";
import { eventAsJson } from "./entry-json.ts";
import { rangeOf } from "./key-words.ts";

export const watch = clientCommand({
  name: "watch",
  summary: "Tell the changes of keys as they happen",
  usage: "watch KEY [FLAG …]",
  help: `
Prints PUT, key and value, or DELETE and key, each on a line, until it is ended; with
--json one object on a line for each change.

  --prefix            all keys that begin with KEY
  --from-key          all keys from KEY on
  --rev REVISION      begin with this revision
  --prev              tell what was there before
  --count COUNT       end after so many changes`,
  flags: { prefix: "switch", "from-key": "switch", rev: "text", prev: "switch", count: "text" },
  async run({ store, words, flags, json, print, signal }) {
    const [key] = expectWords(words, "KEY");
    let left = maybeNumber("--count", flags.count) ?? Number.POSITIVE_INFINITY;
    const from = maybeNumber("--rev", flags.rev);
    const watched = store.watch({
      ...rangeOf(key!, flags),
      prev: flags.prev,
      ...(from === undefined ? {} : { from }),
    });
    signal.addEventListener("abort", () => void watched.close(), { once: true });
    for await (const event of watched) {
      print(json ? asJson(eventAsJson(event)) : textOf(event));
      left -= 1;
      if (left <= 0) break;
    }
    return 0;
  },
});

function textOf(event: WatchEvent<string>): string {
  const before = event.prev === undefined ? "" : `${event.prev.key}\n${event.prev.value}\n`;
  if (event.type === "put") return `PUT\n${before}${event.entry.key}\n${event.entry.value}\n`;
  return `DELETE\n${before}${event.key}\n`;
}
