import type { Index, MemberId } from "../../../log/entry.ts";
import type { HardState } from "../../../raft/effects.ts";
import { quorumSize } from "../../../raft/quorum.ts";
import { holds } from "../../invariants/raft/durable-commit.ts";
import type { MemberPicture, Picture } from "../seen/picture.ts";

/** What a member had promised to others at some time: its vote, and entries. */
export class Promised {
  readonly #id: MemberId;
  readonly #hardState: HardState;
  readonly #lastIndex: Index;
  readonly #lastChain: number;

  static of({ id, hardState, durable }: MemberPicture): Promised {
    return new Promised(id, hardState, durable.lastIndex, durable.lastChain);
  }

  private constructor(id: MemberId, hardState: HardState, lastIndex: Index, lastChain: number) {
    this.#id = id;
    this.#hardState = hardState;
    this.#lastIndex = lastIndex;
    this.#lastChain = lastChain;
  }

  /**
   * Whether nothing is lost when the member, which is `now` further, goes back to what it had promised then. It must have
   * voted for nobody since. What it has acknowledged since must be committed, and on the disks of a majority without it:
   * then whoever is elected meets somebody else who holds it.
   */
  isHeldBy(others: ReadonlySet<MemberId>, now: MemberPicture, picture: Picture): boolean {
    // The directory of a former life under this name is nobody's by now, and refused.
    if (now.id !== this.#id) return true;
    const { hardState, durable } = now;
    if (hardState.term !== this.#hardState.term || hardState.vote !== this.#hardState.vote) return false;
    if (durable.lastIndex === this.#lastIndex && durable.lastChain === this.#lastChain) return true;
    const { canon, membership } = picture;
    if (canon.chainAt(durable.lastIndex) !== durable.lastChain) return false;
    return [membership.voters, membership.outgoing].every((half) => {
      const holders = half.filter(
        (id) => others.has(id) && holds(picture.member(id), canon.lastIndex, picture),
      );
      return half.length === 0 || holders.length >= quorumSize(half.length);
    });
  }
}
