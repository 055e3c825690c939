import { singleKey } from "../../kv/mvcc/key-range.ts";
import { METHODS } from "../../wire/services.ts";
import type { Front } from "../call/front.ts";
import type { Services } from "../services.ts";
import { waitInLine } from "./wait-in-line.ts";

/** Locks that the server waits for. No lock is a fence: what it protects should check the key's create revision. */
export function serveLock(services: Services, front: Front): void {
  services.answer(METHODS.lock, async ({ name, lease }, client) => {
    const { key, takenAt } = await waitInLine(client, { name, lease, value: null });
    return { header: front.header(takenAt), key };
  });

  services.answer(METHODS.unlock, async ({ key }, client) => {
    const { revision } = await client.propose({ kind: "delete", range: singleKey(key) }, "delete");
    return { header: front.header(revision) };
  });
}
