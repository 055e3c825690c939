import type { Message } from "../../../raft/message.ts";
import { type Check, Violation } from "../../check.ts";
import type { MemberPicture, Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { isPromise } from "./promise.ts";

/** Raft, figure 2: "respond after updating stable storage". */
export class SavedBeforeSent implements Check {
  readonly name = "D1";
  readonly says =
    "A vote, an acknowledgement or a leader's word leaves only when the sender's disk holds what it rests on.";
  readonly kinds = ["sent"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "sent" || !isPromise(event.message)) return;
    const member = picture.member(event.member);
    const missing = missingFor(event.message, member);
    if (missing === null) return;
    throw new Violation(
      this,
      `${member.name} sends ${event.message.kind} to ${picture.nameOf(event.message.to)}: ${missing}.`,
    );
  }
}

/** What the disk should hold for this message and does not. */
function missingFor(message: Message, member: MemberPicture): string | null {
  const { hardState, durable, log } = member;
  const { term } = message;
  if (hardState.term < term) return `its disk is in term ${hardState.term}, the message in ${term}`;
  if (message.kind === "vote-reply" && hardState.term === term && hardState.vote !== message.to) {
    return `its disk holds a vote for ${hardState.vote ?? "nobody"}`;
  }
  if (message.kind === "vote" && hardState.term === term && hardState.vote !== message.from) {
    return `its disk holds a vote for ${hardState.vote ?? "nobody"}`;
  }
  if (message.kind !== "append-accepted") return null;
  const { matched } = message;
  if (durable.base.index >= matched) return null;
  if (durable.lastIndex < matched) return `it acknowledges ${matched}, its disk ends at ${durable.lastIndex}`;
  const current = log.chainAt(matched);
  // A newer step may have replaced the entry meanwhile, or covered it by a snapshot; the promise was kept until then.
  if (member.term > term || current === undefined || durable.chainAt(matched) === current) return null;
  return `its disk holds another entry at ${matched}`;
}
