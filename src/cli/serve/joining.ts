import { QuorateError } from "../../base/errors.ts";
import { requestTicket } from "../../transport/tcp-ticket.ts";
import type { ServeSettings } from "./settings.ts";

/** How long the others are asked before it is given up. */
const JOIN_MS_MAX = 30_000;
/** How long one of them may take. */
const ANSWER_MS_MAX = 5_000;
const PAUSE_MS = 500;

/**
 * The ticket of a member that `member add` has added: any other member gives it. All are asked, again and again for a
 * while: one that lags may not know of the newcomer yet. Throws what the last one answered.
 */
export async function fetchTicket(settings: ServeSettings): Promise<string> {
  const { name, members, peerAddress, peerSecret, peerTls } = settings;
  const others = Object.entries(members).filter(([other]) => other !== name);
  const deadline = performance.now() + JOIN_MS_MAX;
  let reason: unknown = noOthers();
  while (others.length > 0 && performance.now() < deadline) {
    for (const [other, address] of others) {
      try {
        return await requestTicket({
          newcomer: { name, address: peerAddress },
          member: { name: other, address },
          secret: peerSecret,
          tls: peerTls ?? undefined,
          timeoutMs: ANSWER_MS_MAX,
        });
      } catch (error) {
        if (!QuorateError.is(error)) throw error;
        reason = error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw reason;
}

function noOthers(): QuorateError {
  const message = "to join, --initial-cluster must name members that can be asked";
  return new QuorateError("ERR_INVALID_ARGUMENT", message, { argument: "initial-cluster" });
}
