import { QuorateError } from "../../base/errors.ts";
import type { MemberId } from "../../log/entry.ts";
import type { Front } from "../call/front.ts";

const RETRY_MS = 1_000;

/**
 * Raises the alarm about a member whose log or state was found not to be that of the others, as etcd does: operators look
 * for it, and clients are refused until one of them has lowered it. Every member that serves clients sees to it, since
 * the one that differs may have been the leader.
 */
export class CorruptionWatch {
  readonly #front: Front;
  #isClosed = false;
  readonly #onDiverged = (member: MemberId): void => this.#raise(member);

  constructor(front: Front) {
    this.#front = front;
    front.store.on("diverged", this.#onDiverged);
  }

  close(): void {
    this.#isClosed = true;
    this.#front.store.off("diverged", this.#onDiverged);
  }

  #raise(member: MemberId): void {
    if (this.#isClosed) return;
    this.#attempt(member).catch((error: unknown) => {
      if (!QuorateError.is(error)) throw error;
      this.#front.clock.after(RETRY_MS, () => this.#raise(member));
    });
  }

  async #attempt(member: MemberId): Promise<void> {
    const { store, machine } = this.#front;
    await this.#front.linearize();
    // At a start old news may be played back, of a member that was replaced since.
    const isMember = store.cluster.members.some(({ id }) => id === member);
    const isRaised = machine.alarms
      .all()
      .some((alarm) => alarm.kind === "corrupt" && alarm.member === member);
    if (isMember && !isRaised) {
      await this.#front.agree({ kind: "alarm", alarm: "corrupt", member, isRaised: true }, "done");
    }
  }
}
