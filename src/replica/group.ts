import type { CallOptions } from "./call.ts";
import type { MemberRecord } from "./directory.ts";
import type { GroupChanges, MemberNews, NewMember } from "./group-changes.ts";
import { promised } from "./promised.ts";

/** The members of a cluster, as one of them sees and changes them. Refusals are ERR_MEMBERSHIP, with the reason. */
export class Group {
  readonly #changes: GroupChanges;

  /** @internal Use `Replica.group`. */
  constructor(changes: GroupChanges) {
    this.#changes = changes;
  }

  get members(): readonly MemberRecord[] {
    return this.#changes.members;
  }

  /**
   * Adds a member, which learns at first: it is sent everything and has no vote. With `votes` the leader makes a voter
   * of it once it has caught up. Gives the ticket with which it is opened (`join`), at its first start and at every
   * later one.
   */
  add(member: NewMember, options: CallOptions = {}): Promise<string> {
    return promised((settle) => this.#changes.add(member, options, settle));
  }

  /**
   * Tells all members what is new of one: where the others reach it, or its clients. Those that were opened with
   * `peers` hold to the addresses that stand there, until they are opened with others.
   */
  update(name: string, news: MemberNews, options: CallOptions = {}): Promise<void> {
    return promised((settle) => this.#changes.update(name, news, options, settle));
  }

  /** Makes a voter of a learner, once it has caught up: waits for that, as long as the call may last. */
  promote(name: string, options: CallOptions = {}): Promise<void> {
    return promised((settle) => this.#changes.promote(name, options, settle));
  }

  /**
   * Removes a member, which then stops. Its name may be given to another one; its disk may not be used again. A leader
   * may remove itself: it hands over.
   */
  remove(name: string, options: CallOptions = {}): Promise<void> {
    return promised((settle) => this.#changes.remove(name, options, settle));
  }

  /** Hands leadership to the named member. Only the leader can. Resolves when the other leads. */
  transfer(name: string, options: CallOptions = {}): Promise<void> {
    return promised((settle) => this.#changes.transfer(name, options, settle));
  }
}
