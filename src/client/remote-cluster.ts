import { invalidArgument } from "../base/errors.ts";
import { flag, listOf, NO_OPTIONS, OptionTable, required, text } from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { METHODS } from "../wire/services.ts";
import type { Channel } from "./channel.ts";

/** A member as its cluster tells of it. */
export interface RemoteMember {
  /** In hexadecimal digits, as etcd's own tools show it. */
  readonly id: string;
  /** Empty until the member has started for the first time. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** One server's view of itself. */
export interface RemoteStatus {
  readonly endpoint: string;
  readonly memberId: string;
  readonly clusterId: string;
  readonly version: string;
  readonly revision: number;
  readonly term: number;
  /** The leader's id, or undefined when none is known. */
  readonly leader: string | undefined;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly raftIndex: number;
  readonly appliedIndex: number;
  readonly dbSize: number;
  /** What is wrong, in words. */
  readonly errors: readonly string[];
}

/** A member to be added. */
export interface NewRemoteMember {
  readonly peerUrls: readonly string[];
  readonly isLearner?: boolean;
}

const NEW_MEMBER = new OptionTable<NewRemoteMember>("cluster.add", {
  peerUrls: required(listOf("a list of URLs", text)),
  isLearner: flag,
});

const MEMBERS_OPTIONS = callOptions("cluster.members");
const ADD_OPTIONS = callOptions("cluster.add");
const REMOVE_OPTIONS = callOptions("cluster.remove");
const PROMOTE_OPTIONS = callOptions("cluster.promote");
const UPDATE_OPTIONS = callOptions("cluster.update");
const TRANSFER_OPTIONS = callOptions("cluster.transfer");
const STATUS_OPTIONS = callOptions("cluster.status");
const SNAPSHOT_OPTIONS = callOptions("cluster.snapshot");

const MEMBERSHIP = { isWrite: true } as const;

/** The members of a cluster elsewhere, and the ways to change them. Refusals are ERR_MEMBERSHIP, with the reason. */
export class RemoteCluster {
  readonly #channel: Channel;

  /** @internal Use `RemoteStore.cluster`. */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Resolves to all members, learners included, as a quorum knows them (etcd: MemberList). */
  async members(options: CallOptions = NO_OPTIONS): Promise<RemoteMember[]> {
    MEMBERS_OPTIONS.check(options);
    const { members } = await this.#channel.call(
      METHODS.memberList,
      { linearizable: true },
      { isWrite: false },
      options,
    );
    return members.map(memberOf);
  }

  /** Adds a member that is reached at `peerUrls`; it takes its name when it starts. */
  async add(member: NewRemoteMember, options: CallOptions = NO_OPTIONS): Promise<RemoteMember> {
    NEW_MEMBER.check(member);
    ADD_OPTIONS.check(options);
    const { peerUrls, isLearner = false } = member;
    const answer = await this.#channel.call(METHODS.memberAdd, { peerUrls, isLearner }, MEMBERSHIP, options);
    return memberOf(answer.member!);
  }

  /**
   * Removes the member with this id, and resolves once the change is committed (etcd: MemberRemove).
   * @throws ERR_MEMBERSHIP if the cluster refuses, ERR_INVALID_ARGUMENT if the id is empty.
   */
  async remove(id: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    REMOVE_OPTIONS.check(options);
    await this.#channel.call(METHODS.memberRemove, { id: idOf(id) }, MEMBERSHIP, options);
  }

  /**
   * Makes a learner that has caught up a voter (etcd: MemberPromote).
   * @throws ERR_MEMBERSHIP if it is no learner, or is not ready.
   */
  async promote(id: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    PROMOTE_OPTIONS.check(options);
    await this.#channel.call(METHODS.memberPromote, { id: idOf(id) }, MEMBERSHIP, options);
  }

  /**
   * Changes the URLs at which the other members reach this one (etcd: MemberUpdate).
   * @throws ERR_MEMBERSHIP if the cluster refuses.
   */
  async update(id: string, peerUrls: readonly string[], options: CallOptions = NO_OPTIONS): Promise<void> {
    UPDATE_OPTIONS.check(options);
    await this.#channel.call(METHODS.memberUpdate, { id: idOf(id), peerUrls }, MEMBERSHIP, options);
  }

  /** Hands leadership to a member. Asks each server until one is the leader. */
  async transfer(id: string, options: CallOptions = NO_OPTIONS): Promise<void> {
    TRANSFER_OPTIONS.check(options);
    const statuses = await this.status(options);
    const leader = statuses.findIndex((status) => !(status instanceof Error) && status.isLeader);
    const endpoint = leader === -1 ? undefined : leader;
    await this.#channel.call(METHODS.moveLeader, { targetId: idOf(id) }, MEMBERSHIP, options, endpoint);
  }

  /** What each endpoint says of itself, in their order, or the error with which it failed to. */
  async status(options: CallOptions = NO_OPTIONS): Promise<(RemoteStatus | Error)[]> {
    STATUS_OPTIONS.check(options);
    const asked = this.#channel.endpoints.map((endpoint, at) =>
      this.#status(endpoint, at, options).catch((error: unknown) => error as Error),
    );
    return Promise.all(asked);
  }

  /** The store's state as a stream of bytes, from the endpoint at this place of the list. */
  async *snapshot(
    endpoint = 0,
    options: CallOptions = NO_OPTIONS,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    SNAPSHOT_OPTIONS.check(options);
    const stream = await this.#channel.download(METHODS.snapshot, options, endpoint);
    for await (const bytes of stream) yield METHODS.snapshot.response.decode(bytes as Uint8Array).blob;
  }

  async #status(endpoint: string, at: number, options: CallOptions): Promise<RemoteStatus> {
    const answer = await this.#channel.call(METHODS.status, {}, { isWrite: false }, options, at);
    const { header, leader } = answer;
    const memberId = header?.memberId ?? 0n;
    return {
      endpoint,
      memberId: hex(memberId),
      clusterId: hex(header?.clusterId ?? 0n),
      version: answer.version,
      revision: header?.revision ?? 0,
      term: Number(answer.raftTerm),
      leader: leader === 0n ? undefined : hex(leader),
      isLeader: leader !== 0n && leader === memberId,
      isLearner: answer.isLearner,
      raftIndex: Number(answer.raftIndex),
      appliedIndex: Number(answer.raftAppliedIndex),
      dbSize: answer.dbSize,
      errors: answer.errors,
    };
  }
}

takes(RemoteCluster, {
  members: 1,
  add: 2,
  remove: 2,
  promote: 2,
  update: 3,
  transfer: 2,
  status: 1,
  snapshot: 2,
});

interface WireMember extends Omit<RemoteMember, "id"> {
  readonly id: bigint;
}

function memberOf({ id, name, peerUrls, clientUrls, isLearner }: WireMember): RemoteMember {
  return { id: hex(id), name, peerUrls, clientUrls, isLearner };
}

function hex(id: bigint): string {
  return id.toString(16);
}

/** A text that is no id is nobody's: the server then says that there is no such member. */
function idOf(id: string): bigint {
  if (typeof id !== "string" || id === "")
    throw invalidArgument("id", id, "id must be a member's id in hexadecimal digits");
  return /^[0-9a-fA-F]{1,16}$/.test(id) ? BigInt(`0x${id}`) : 0n;
}
