import { readFileSync } from "node:fs";
import { defined } from "../../base/defaults.ts";
import { asJson, clientCommand, expectWords, maybeNumber } from "./client-command.ts";

const STDIN = 0;

export const put = clientCommand({
  name: "put",
  summary: "Set a key",
  usage: "put KEY VALUE [FLAG …]",
  help: `
Sets a key; with - as VALUE to what comes on the standard input.

  --lease ID          the key lives as long as this lease
  --if-missing        only if there is no such key
  --if-rev REVISION   only if the key's last change was this one
  --prev              print what was there before`,
  flags: { lease: "text", "if-missing": "switch", "if-rev": "text", prev: "switch" },
  async run({ store, words, flags, json, print }) {
    const [key, value] = expectWords(words, "KEY", "VALUE");
    const { revision, prev } = await store.put(key!, value === "-" ? readFileSync(STDIN, "utf8") : value!, {
      ...defined({ lease: flags.lease, ifRevision: maybeNumber("--if-rev", flags["if-rev"]) }),
      ifMissing: flags["if-missing"],
      prev: flags.prev,
    });
    if (json) print(asJson({ revision, ...(prev === undefined ? {} : { prev }) }));
    else print(prev === undefined ? "OK\n" : `OK\n${prev.key}\n${prev.value}\n`);
    return 0;
  },
});
