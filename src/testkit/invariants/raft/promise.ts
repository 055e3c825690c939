import type { Message } from "../../../raft/message.ts";

/** Whether a message makes others count on something that its sender must not forget. */
export function isPromise(message: Message): boolean {
  switch (message.kind) {
    case "vote":
    case "append":
    case "heartbeat":
    case "snapshot":
    case "append-accepted":
      return true;
    case "vote-reply":
      return message.granted;
    default:
      return false;
  }
}
