import { asJson, clientCommand, expectWords, wholeNumber } from "./client-command.ts";

export const compact = clientCommand({
  name: "compact",
  summary: "Give up history below a revision",
  usage: "compact REVISION [FLAG …]",
  help: `
Reads and watches of what lies before fail from then on. The newest state stays.`,
  flags: {},
  async run({ store, words, json, print }) {
    const revision = wholeNumber("REVISION", expectWords(words, "REVISION")[0]!);
    await store.compact(revision);
    print(json ? asJson({ revision }) : "OK\n");
    return 0;
  },
});
