import { METHODS } from "../etcd/wire/services.ts";
import type { CallOptions } from "../replica/call.ts";
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
  /** The leader's id, or null when none is known. */
  readonly leader: string | null;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  readonly raftIndex: number;
  readonly appliedIndex: number;
  readonly dbSize: number;
  /** What is wrong, in words. */
  readonly errors: readonly string[];
}

const MEMBERSHIP = { isWrite: true } as const;

/** The members of a cluster elsewhere, and the ways to change them. Refusals are ERR_MEMBERSHIP, with the reason. */
export class RemoteCluster {
  readonly #channel: Channel;

  /** @internal Use `RemoteStore.cluster`. */
  constructor(channel: Channel) {
    this.#channel = channel;
  }

  async members(options: CallOptions = {}): Promise<RemoteMember[]> {
    const { members } = await this.#channel.call(
      METHODS.memberList,
      { linearizable: true },
      { isWrite: false },
      options,
    );
    return members.map(memberOf);
  }

  /** Adds a member that is reached at `peerUrls`; it takes its name when it starts. */
  async add(
    { peerUrls, isLearner = false }: { readonly peerUrls: readonly string[]; readonly isLearner?: boolean },
    options: CallOptions = {},
  ): Promise<RemoteMember> {
    const answer = await this.#channel.call(METHODS.memberAdd, { peerUrls, isLearner }, MEMBERSHIP, options);
    return memberOf(answer.member!);
  }

  async remove(id: string, options: CallOptions = {}): Promise<void> {
    await this.#channel.call(METHODS.memberRemove, { id: idOf(id) }, MEMBERSHIP, options);
  }

  async promote(id: string, options: CallOptions = {}): Promise<void> {
    await this.#channel.call(METHODS.memberPromote, { id: idOf(id) }, MEMBERSHIP, options);
  }

  async update(id: string, peerUrls: readonly string[], options: CallOptions = {}): Promise<void> {
    await this.#channel.call(METHODS.memberUpdate, { id: idOf(id), peerUrls }, MEMBERSHIP, options);
  }

  /** Hands leadership to a member. Asks each server until one is the leader. */
  async transfer(id: string, options: CallOptions = {}): Promise<void> {
    const statuses = await this.status(options);
    const leader = statuses.findIndex((status) => !(status instanceof Error) && status.isLeader);
    const endpoint = leader === -1 ? undefined : leader;
    await this.#channel.call(METHODS.moveLeader, { targetId: idOf(id) }, MEMBERSHIP, options, endpoint);
  }

  /** What each endpoint says of itself, in their order, or the error with which it failed to. */
  status(options: CallOptions = {}): Promise<(RemoteStatus | Error)[]> {
    const asked = this.#channel.endpoints.map((endpoint, at) =>
      this.#status(endpoint, at, options).catch((error: unknown) => error as Error),
    );
    return Promise.all(asked);
  }

  /** The store's state as a stream of bytes, from the endpoint at this place of the list. */
  async *snapshot(endpoint = 0, options: CallOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
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
      leader: leader === 0n ? null : hex(leader),
      isLeader: leader !== 0n && leader === memberId,
      isLearner: answer.isLearner,
      raftIndex: Number(answer.raftIndex),
      appliedIndex: Number(answer.raftAppliedIndex),
      dbSize: answer.dbSize,
      errors: answer.errors,
    };
  }
}

interface WireMember extends Omit<RemoteMember, "id"> {
  readonly id: bigint;
}

function memberOf({ id, name, peerUrls, clientUrls, isLearner }: WireMember): RemoteMember {
  return { id: hex(id), name, peerUrls, clientUrls, isLearner };
}

function hex(id: bigint): string {
  return id.toString(16);
}

function idOf(text: string): bigint {
  return /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : 0n;
}
