import { NO_OPTIONS } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "./calls/call.ts";
import type { MemberRecord } from "./members/directory.ts";
import {
  type ClusterChanges,
  MEMBER_NEWS,
  type MemberNews,
  NEW_MEMBER,
  type NewMember,
} from "./membership/cluster-changes.ts";
import { promised } from "./promised.ts";

/** The members of a cluster, as one of them sees and changes them. Refusals are ERR_MEMBERSHIP, with the reason. */
export class Cluster {
  readonly #changes: ClusterChanges;

  /** @internal Use `Replica.cluster`. */
  constructor(changes: ClusterChanges) {
    this.#changes = changes;
  }

  /** The members as this one knows them, learners included; it may be behind the leader. */
  get members(): readonly MemberRecord[] {
    return this.#changes.members;
  }

  /**
   * Adds a member, which learns at first: it is sent everything and has no vote. With `votes` the leader makes a voter
   * of it once it has caught up. Gives the ticket with which it is opened (`join`), at its first start and at every
   * later one.
   */
  add(member: NewMember, options: CallOptions = NO_OPTIONS): Promise<string> {
    return promised((settle) => {
      ADD_OPTIONS.check(options);
      NEW_MEMBER.check(member);
      this.#changes.add(member, options, settle);
    });
  }

  /**
   * Tells all members what is new of one: where the others reach it, or its clients. Those that were opened with
   * `peers` hold to the addresses that stand there, until they are opened with others.
   */
  update(name: string, news: MemberNews, options: CallOptions = NO_OPTIONS): Promise<void> {
    return promised((settle) => {
      UPDATE_OPTIONS.check(options);
      MEMBER_NEWS.check(news);
      this.#changes.update(name, news, options, settle);
    });
  }

  /** Makes a voter of a learner, once it has caught up: waits for that, as long as the call may last. */
  promote(name: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    return promised((settle) => {
      PROMOTE_OPTIONS.check(options);
      this.#changes.promote(name, options, settle);
    });
  }

  /**
   * Removes a member, which then stops. Its name may be given to another one; its disk may not be used again. A leader
   * may remove itself: it hands over.
   */
  remove(name: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    return promised((settle) => {
      REMOVE_OPTIONS.check(options);
      this.#changes.remove(name, options, settle);
    });
  }

  /** Hands leadership to the named member. Only the leader can. Resolves when the other leads. */
  transfer(name: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    return promised((settle) => {
      TRANSFER_OPTIONS.check(options);
      this.#changes.transfer(name, options, settle);
    });
  }
}

takes(Cluster, { add: 2, update: 3, promote: 2, remove: 2, transfer: 2 });

const ADD_OPTIONS = callOptions("cluster.add");
const UPDATE_OPTIONS = callOptions("cluster.update");
const PROMOTE_OPTIONS = callOptions("cluster.promote");
const REMOVE_OPTIONS = callOptions("cluster.remove");
const TRANSFER_OPTIONS = callOptions("cluster.transfer");
