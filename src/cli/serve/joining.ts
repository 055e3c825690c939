import { QuorateError } from "../../base/errors.ts";
import { setTimeout } from "../../base/system-time.ts";
import { requestTicket } from "../../transport/tcp/tcp-ticket.ts";
import type { ServeSettings } from "./settings.ts";

/** How long the others are asked before it is given up … */
const JOIN_MS_MAX = 30_000;
/** … and how long when all of them answer, and none of them knows of the newcomer. */
const REFUSED_MS_MAX = 5_000;
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
  const askedAt = performance.now();
  let reason: QuorateError = noOthers();
  for (let patienceMs = JOIN_MS_MAX; others.length > 0 && performance.now() - askedAt < patienceMs; ) {
    patienceMs = REFUSED_MS_MAX;
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
        if (!isRefusal(error)) patienceMs = JOIN_MS_MAX;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  throw reason;
}

function isRefusal(error: QuorateError): boolean {
  return QuorateError.is(error, "ERR_MEMBERSHIP") || QuorateError.is(error, "ERR_IDENTITY_MISMATCH");
}

function noOthers(): QuorateError {
  const message = "to join, --initial-cluster must name members that can be asked";
  return new QuorateError("ERR_INVALID_ARGUMENT", message, { argument: "initial-cluster" });
}
