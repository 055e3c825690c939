import { EMPTY_BYTES } from "../../base/bytes.ts";
import { invalidArgument } from "../../base/errors.ts";
import { anyText, describe, flag, listOf, OptionTable, required, text } from "../../base/options.ts";
import type { Random } from "../../base/random.ts";
import type { MemberChange } from "../../raft/membership.ts";
import type { Raft } from "../../raft/raft.ts";
import type { Newcomer } from "../../transport/transport.ts";
import { encodeMemberNews } from "../apply/applier.ts";
import type { CallOptions, Settle } from "../calls/call.ts";
import type { Directory, MemberPatch, MemberRecord } from "../members/directory.ts";
import { checkMemberNames, isProvisionalName, provisionalName, randomMemberId } from "../members/identity.ts";
import { encodeTicket } from "../members/ticket.ts";
import type { Handovers } from "./handovers.ts";
import { type MembershipChanges, membershipError } from "./membership-changes.ts";

export interface ClusterChangesParts {
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

/** The member that `cluster.add` adds. */
export interface NewMember {
  /** Without it the member gets its name when it starts. */
  readonly name?: string | undefined;
  readonly address: string;
  /** Whether the leader is to make it a voter as soon as it has caught up. */
  readonly votes?: boolean | undefined;
}

export const NEW_MEMBER = new OptionTable<NewMember>("cluster.add", {
  name: text,
  address: required(anyText),
  votes: flag,
});

/** What can be told anew of a member. */
export interface MemberNews {
  readonly name?: string | undefined;
  readonly address?: string | undefined;
  /** Where its clients reach it. */
  readonly clients?: readonly string[] | undefined;
}

export const MEMBER_NEWS = new OptionTable<MemberNews>("cluster.update", {
  name: text,
  address: anyText,
  clients: listOf("a list of addresses", text),
});

/**
 * What can be asked of a group: `Cluster` without its promises. What cannot be asked at all is thrown at once; everything
 * else is told to `settle`.
 */
export class ClusterChanges {
  readonly #parts: ClusterChangesParts;

  constructor(parts: ClusterChangesParts) {
    this.#parts = parts;
  }

  get members(): readonly MemberRecord[] {
    return this.#parts.directory.members;
  }

  add({ name, address, votes = false }: NewMember, options: CallOptions, settle: Settle<string>): void {
    const { random, directory } = this.#parts;
    if (name !== undefined) this.#checkNew(name);
    const id = randomMemberId(random);
    const patch = { id, name: name ?? provisionalName(id), address, votes };
    this.#change({ kind: "add-learner", member: id }, patch, options, (error) => {
      if (error === null) settle(null, this.#ticket(directory.byId(id)!));
      else settle(error);
    });
  }

  update(
    name: string,
    { name: given, address, clients }: MemberNews,
    options: CallOptions,
    settle: Settle<void>,
  ): void {
    const { id } = this.#member(name);
    if (given !== undefined && given !== name) this.#checkNew(given);
    if (clients !== undefined) checkClients(clients);
    this.#change({ kind: "update", member: id }, { id, name: given, address, clients }, options, settle);
  }

  promote(name: string, options: CallOptions, settle: Settle<void>): void {
    const { id } = this.#member(name);
    this.#change({ kind: "add-voter", member: id }, { id, votes: true }, options, settle);
  }

  /**
   * The ticket for a process that wants to start as a member that was added, by its name or with its address only. For
   * a member that has started before there is none: it has its own.
   */
  enrol({ name, address }: Newcomer, settle: Settle<string>): void {
    const { directory } = this.#parts;
    const namesake = directory.byName(name);
    const isOpen = (member: MemberRecord): boolean =>
      member.store === undefined && member.address === address;
    if (namesake !== undefined) {
      if (isOpen(namesake)) settle(null, this.#ticket(namesake));
      else settle(membershipError(`${name} is a member that is elsewhere, or has started before`));
      return;
    }
    const added = directory.members.find((member) => isProvisionalName(member.name) && isOpen(member));
    if (added === undefined) {
      settle(membershipError(`no member was added for ${name} at ${address}`));
      return;
    }
    try {
      this.update(added.name, { name }, {}, (error) => {
        const named = directory.byId(added.id);
        if (error !== null) settle(error);
        else if (named?.name === name) settle(null, this.#ticket(named));
        else settle(membershipError(`there is another member named ${name}`));
      });
    } catch (error) {
      settle(error);
    }
  }

  remove(name: string, options: CallOptions, settle: Settle<void>): void {
    this.#change({ kind: "remove", member: this.#member(name).id }, null, options, settle);
  }

  transfer(name: string, options: CallOptions, settle: Settle<void>): void {
    const { raft, handovers, checkOpen, wake } = this.#parts;
    checkOpen();
    const { id } = this.#member(name);
    if (raft.leader === id) {
      settle(null);
      return;
    }
    const refusal = raft.transferLeadership(id);
    if (refusal !== undefined) throw membershipError(refusal.detail ?? refusal.refused);
    handovers.add(id, options, settle);
    wake();
  }

  #change(change: MemberChange, news: MemberPatch | null, options: CallOptions, settle: Settle<void>): void {
    const { changes, checkOpen, wake } = this.#parts;
    checkOpen();
    const context = news === null ? EMPTY_BYTES : encodeMemberNews([news]);
    changes.add({ transition: "auto", changes: [change], context }, options, settle);
    wake();
  }

  #ticket({ id }: MemberRecord): string {
    const { clusterId, directory } = this.#parts;
    return encodeTicket({ clusterId, id, members: directory.members });
  }

  #checkNew(name: string): void {
    checkMemberNames([name]);
    if (this.#parts.directory.byName(name) !== undefined)
      throw membershipError(`there is a member named ${name}`);
  }

  #member(name: string): MemberRecord {
    if (typeof name !== "string")
      throw invalidArgument("name", name, `name must be the name of a member, not ${describe(name)}`);
    const member = this.#parts.directory.byName(name);
    if (member === undefined) throw membershipError(`there is no member named ${name}`);
    return member;
  }
}

const CLIENTS_MAX = 16;
const CLIENT_LENGTH_MAX = 1_024;

/** Every member keeps them, and every snapshot and ticket carries them. */
function checkClients(clients: readonly string[]): void {
  if (clients.length <= CLIENTS_MAX && clients.every((client) => client.length <= CLIENT_LENGTH_MAX)) return;
  throw invalidArgument("clients", clients, `a member has ${CLIENTS_MAX} client addresses at most`);
}
