import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { MemberChange } from "../raft/membership.ts";
import type { Raft } from "../raft/raft.ts";
import { packMembers } from "./applier.ts";
import { type CallOptions, checkCallOptions, type Settle } from "./call.ts";
import type { Directory, MemberRecord } from "./directory.ts";
import type { Handovers } from "./handovers.ts";
import { checkMemberNames, randomMemberId } from "./identity.ts";
import { type MembershipChanges, membershipError } from "./membership-changes.ts";
import { encodeTicket } from "./ticket.ts";

export interface GroupChangesParts {
  readonly clusterId: string;
  readonly raft: Raft;
  readonly directory: Directory;
  readonly changes: MembershipChanges;
  readonly handovers: Handovers;
  readonly random: Random;
  /** Throws when the member takes no calls. */
  checkOpen(): void;
  wake(): void;
}

/**
 * What can be asked of a group: `Group` without its promises. What cannot be asked at all is thrown at once; everything
 * else is told to `settle`.
 */
export class GroupChanges {
  readonly #parts: GroupChangesParts;

  constructor(parts: GroupChangesParts) {
    this.#parts = parts;
  }

  get members(): readonly MemberRecord[] {
    return this.#parts.directory.members;
  }

  add(
    { name, address }: { readonly name: string; readonly address: string },
    options: CallOptions,
    settle: Settle<string>,
  ): void {
    checkMemberNames([name]);
    const { random, directory, clusterId } = this.#parts;
    if (directory.byName(name) !== undefined) throw membershipError(`there is a member named ${name}`);
    const id = randomMemberId(random);
    const context = packMembers([{ id, name, address, store: null }]);
    this.#change({ kind: "add-learner", member: id }, context, options, (error) => {
      if (error === null) settle(null, encodeTicket({ clusterId, id, members: directory.members }));
      else settle(error);
    });
  }

  promote(name: string, options: CallOptions, settle: Settle<void>): void {
    this.#change({ kind: "add-voter", member: this.#member(name).id }, EMPTY_BYTES, options, settle);
  }

  remove(name: string, options: CallOptions, settle: Settle<void>): void {
    this.#change({ kind: "remove", member: this.#member(name).id }, EMPTY_BYTES, options, settle);
  }

  transfer(name: string, options: CallOptions, settle: Settle<void>): void {
    const { raft, handovers, checkOpen, wake } = this.#parts;
    checkOpen();
    checkCallOptions(options);
    const { id } = this.#member(name);
    if (raft.leader === id) {
      settle(null);
      return;
    }
    const refusal = raft.transferLeadership(id);
    if (refusal !== null) throw membershipError(refusal.detail ?? refusal.refused);
    handovers.add(id, options, settle);
    wake();
  }

  #change(change: MemberChange, context: Uint8Array, options: CallOptions, settle: Settle<void>): void {
    const { changes, checkOpen, wake } = this.#parts;
    checkOpen();
    checkCallOptions(options);
    changes.add({ transition: "auto", changes: [change], context }, options, settle);
    wake();
  }

  #member(name: string): MemberRecord {
    const member = this.#parts.directory.byName(name);
    if (member === undefined) throw membershipError(`there is no member named ${name}`);
    return member;
  }
}
