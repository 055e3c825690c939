import type { MemberNumber } from "../../scenario.ts";
import type { RandomStream } from "../chance/random-streams.ts";

/** A frame, and to whom it was sent. */
export interface SentFrame<Frame> {
  readonly to: MemberNumber;
  readonly frame: Frame;
}

/** The last frames of each member. */
export class SentFrames<Frame> {
  readonly #max: number;
  readonly #byMember = new Map<MemberNumber, { readonly frames: SentFrame<Frame>[]; count: number }>();

  /** `max` for each member; 0 keeps none. */
  constructor(max: number) {
    this.#max = max;
  }

  add(from: MemberNumber, to: MemberNumber, frame: Frame): void {
    if (this.#max === 0) return;
    let sent = this.#byMember.get(from);
    if (sent === undefined) {
      sent = { frames: [], count: 0 };
      this.#byMember.set(from, sent);
    }
    sent.frames[sent.count++ % this.#max] = { to, frame };
  }

  /** Any one of those that are kept, or null. */
  of(member: MemberNumber, chance: RandomStream): SentFrame<Frame> | null {
    const frames = this.#byMember.get(member)?.frames ?? [];
    return frames.length === 0 ? null : chance.pick(frames);
  }
}
