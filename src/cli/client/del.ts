import { asJson, clientCommand, expectWords } from "./client-command.ts";
import { rangeOf } from "./key-words.ts";

export const del = clientCommand({
  name: "del",
  summary: "Delete keys",
  usage: "del KEY [FLAG …]",
  help: `
Deletes, in one revision, and prints how many keys there were.

  --prefix            all keys that begin with KEY
  --from-key          all keys from KEY on`,
  flags: { prefix: "switch", "from-key": "switch" },
  async run({ store, words, flags, json, print }) {
    const [key] = expectWords(words, "KEY");
    const { revision, deleted } = await store.delete(rangeOf(key!, flags));
    print(json ? asJson({ revision, deleted }) : `${deleted}\n`);
    return 0;
  },
});
