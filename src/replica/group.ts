import { EMPTY_BYTES } from "../base/bytes.ts";
import type { Random } from "../base/random.ts";
import type { MemberChange } from "../raft/membership.ts";
import type { Raft } from "../raft/raft.ts";
import { packMembers } from "./applier.ts";
import { type CallOptions, checkCallOptions } from "./call.ts";
import type { Directory, MemberRecord } from "./directory.ts";
import type { Handovers } from "./handovers.ts";
import { checkMemberNames, randomMemberId } from "./identity.ts";
import { type MembershipChanges, membershipError } from "./membership-changes.ts";
import { encodeTicket } from "./ticket.ts";

export interface GroupParts {
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

/** The members of a cluster, as one of them sees and changes them. Refusals are ERR_MEMBERSHIP, with the reason. */
export class Group {
  readonly #parts: GroupParts;

  /** Use `Replica.group`. */
  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  get members(): readonly MemberRecord[] {
    return this.#parts.directory.members;
  }

  /**
   * Adds a member, which learns at first: it is sent everything and has no vote. Gives the ticket with which it is
   * opened (`join`), at its first start and at every later one.
   */
  async add(
    { name, address }: { readonly name: string; readonly address: string },
    options: CallOptions = {},
  ): Promise<string> {
    checkMemberNames([name]);
    const { clusterId, directory, random } = this.#parts;
    if (directory.byName(name) !== undefined) throw membershipError(`there is a member named ${name}`);
    const id = randomMemberId(random);
    const context = packMembers([{ id, name, address, store: null }]);
    await this.#change({ kind: "add-learner", member: id }, context, options);
    return encodeTicket({ clusterId, id, members: directory.members });
  }

  /** Makes a voter of a learner, once it has caught up: waits for that, as long as the call may last. */
  async promote(name: string, options: CallOptions = {}): Promise<void> {
    await this.#change({ kind: "add-voter", member: this.#member(name).id }, EMPTY_BYTES, options);
  }

  /**
   * Removes a member, which then stops. Its name may be given to another one; its disk may not be used again. A leader
   * may remove itself: it hands over.
   */
  async remove(name: string, options: CallOptions = {}): Promise<void> {
    await this.#change({ kind: "remove", member: this.#member(name).id }, EMPTY_BYTES, options);
  }

  /** Hands leadership to the named member. Only the leader can. Resolves when the other leads. */
  async transfer(name: string, options: CallOptions = {}): Promise<void> {
    const { raft, handovers, checkOpen, wake } = this.#parts;
    checkOpen();
    checkCallOptions(options);
    const { id } = this.#member(name);
    if (raft.leader === id) return;
    const refusal = raft.transferLeadership(id);
    if (refusal !== null) throw membershipError(refusal.detail ?? refusal.refused);
    wake();
    await handovers.add(id, options);
  }

  async #change(change: MemberChange, context: Uint8Array, options: CallOptions): Promise<void> {
    const { changes, checkOpen, wake } = this.#parts;
    checkOpen();
    checkCallOptions(options);
    const settled = changes.add({ transition: "auto", changes: [change], context }, options);
    wake();
    await settled;
  }

  #member(name: string): MemberRecord {
    const member = this.#parts.directory.byName(name);
    if (member === undefined) throw membershipError(`there is no member named ${name}`);
    return member;
  }
}
