import type { MemberId } from "../log/entry.ts";
import type { ProposeResult, ReadReady } from "./effects.ts";
import type { AppendAcceptedMessage, Message } from "./message.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";

/** What was decided since effects were last handed out. */
export class Outbox {
  sendNow: Message[] = [];
  sendAfter: Message[] = [];
  reads: ReadReady[] = [];
  proposed: ProposeResult[] = [];
  /** A leader's snapshot that replaced the log. */
  snapshot: SnapshotMetadata | undefined = undefined;
  readonly #coalesce: boolean;

  constructor(coalesce: boolean) {
    this.#coalesce = coalesce;
  }

  get isEmpty(): boolean {
    return (
      this.sendNow.length === 0 &&
      this.sendAfter.length === 0 &&
      this.reads.length === 0 &&
      this.proposed.length === 0 &&
      this.snapshot === undefined
    );
  }

  /** Sends at once: nothing in the message rests on what our disk does not hold yet. */
  send(message: Message): void {
    this.sendNow.push(message);
  }

  /** Sends once all that has happened until now is saved. The message may be for ourselves. */
  sendSaved(message: Message): void {
    this.sendAfter.push(message);
  }

  /** Acknowledges a log, to the leader or to ourselves. One acknowledgement says all that earlier ones of the turn said. */
  acknowledge(from: MemberId, to: MemberId, term: number, matched: number): void {
    const message: AppendAcceptedMessage = { kind: "append-accepted", from, to, term, matched };
    const place = this.sendAfter.length - 1;
    const before = this.sendAfter[place];
    if (this.#coalesce && before?.kind === "append-accepted" && before.to === to && before.term === term) {
      if (matched > before.matched) this.sendAfter[place] = message;
      return;
    }
    this.sendAfter.push(message);
  }
}
