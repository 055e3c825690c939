import { UsageError } from "../command.ts";
import { asJson, clientCommand, expectWords, wholeNumber } from "./client-command.ts";

export const lease = clientCommand({
  name: "lease",
  summary: "Grant, show, revoke and hold leases",
  usage: "lease grant SECONDS | revoke ID | show ID | list | hold SECONDS",
  help: `
  grant SECONDS   grants a lease and prints its id; it ends by itself
  revoke ID       ends a lease, and deletes its keys
  show ID         its time, and the keys that hang on it
  list            the ids of all
  hold SECONDS    grants one, keeps it alive until the command is ended, then revokes it`,
  flags: {},
  async run(call) {
    const { store, json, print } = call;
    const [action, ...words] = call.words;
    switch (action) {
      case "grant": {
        const granted = await store.lease(seconds(expectWords(words, "SECONDS")[0]!));
        // It is left to itself: whoever uses it goes by its id.
        granted.close();
        print(json ? asJson({ id: granted.id, ttl: granted.ttlMs }) : `${granted.id}\n`);
        return 0;
      }
      case "revoke": {
        const { revision, deleted } = await store.revoke(expectWords(words, "ID")[0]!);
        print(json ? asJson({ revision, deleted }) : `${deleted}\n`);
        return 0;
      }
      case "show": {
        const found = await store.leaseInfo(expectWords(words, "ID")[0]!);
        if (json) print(asJson(found ?? null));
        else if (found === undefined) print("there is no such lease\n");
        else
          print(
            `${found.remainingMs / 1_000} of ${found.ttlMs / 1_000} s left\n${found.keys.map((key) => `${key}\n`).join("")}`,
          );
        return found === undefined ? 1 : 0;
      }
      case "list": {
        expectWords(words);
        const ids = (await store.leases()).map(({ id }) => id);
        print(json ? asJson(ids) : ids.map((id) => `${id}\n`).join(""));
        return 0;
      }
      case "hold": {
        const held = await store.lease(seconds(expectWords(words, "SECONDS")[0]!));
        print(json ? asJson({ id: held.id, ttl: held.ttlMs }) : `${held.id}\n`);
        await new Promise<void>((resolve) => {
          call.signal.addEventListener("abort", () => resolve(), { once: true });
          held.signal.addEventListener("abort", () => resolve(), { once: true });
        });
        const wasLost = held.isOver;
        if (!wasLost) await held.revoke();
        return wasLost ? 1 : 0;
      }
      default:
        throw new UsageError("grant, revoke, show, list or hold is expected");
    }
  },
});

function seconds(text: string): number {
  const count = wholeNumber("SECONDS", text.replace(/s$/, ""));
  if (count === 0) throw new UsageError("SECONDS must be above 0");
  return count * 1_000;
}
