import type { MemberId } from "../../log/entry.ts";
import { provisionalName } from "./identity.ts";

/** A member as people know it, and its number in the core. */
export interface MemberRecord {
  readonly id: MemberId;
  /** For a member that was added without a name a provisional one, until it starts: `~` and its id in hex. */
  readonly name: string;
  readonly address: string;
  /**
   * The tag of the store that speaks for the member, or null while the group has not agreed on it. Once agreed, no
   * other store is believed: a disk that was wiped or replaced has forgotten what the member promised.
   */
  readonly store: number | undefined;
  /** Where clients reach the member, as it has told; empty until then. */
  readonly clients: readonly string[];
  /** Whether it is to vote: a learner that has caught up is then made a voter by the leader. */
  readonly votes: boolean;
}

/** What is known anew of a member; what is not given stays as it was. */
export type MemberPatch = Pick<MemberRecord, "id"> & {
  readonly [Field in keyof MemberRecord]?: MemberRecord[Field] | undefined;
};

export type PackedMember = readonly [
  id: MemberId,
  name: string | null,
  address: string | null,
  store: number | null,
  clients: readonly string[] | null,
  votes: boolean | null,
];

/**
 * Names and addresses of the members. Replicated state: it changes with applied membership entries, and snapshots
 * carry it. What this process was told at its start about addresses goes before what was once agreed, so that a
 * cluster can move.
 */
export class Directory {
  readonly #byId = new Map<MemberId, MemberRecord>();
  readonly #addresses: ReadonlyMap<string, string>;

  constructor(addresses: ReadonlyMap<string, string>) {
    this.#addresses = addresses;
  }

  get members(): readonly MemberRecord[] {
    return [...this.#byId.values()].sort((left, right) => left.id - right.id);
  }

  /** How many of all members, as a share from 0 to 1, come before this one by their numbers. */
  shareBefore(id: MemberId): number {
    const { members } = this;
    return members.filter((member) => member.id < id).length / Math.max(1, members.length);
  }

  /** Takes in a member, or what is new of one. A name that another member has is not given a second time. */
  put(patch: MemberPatch): void {
    const { id } = patch;
    const known = this.#byId.get(id) ?? newMember(id);
    const member = patched(known, patch);
    const holder = this.byName(member.name);
    const name = holder === undefined || holder.id === id ? member.name : known.name;
    this.#byId.set(id, this.relocated({ ...member, name }));
  }

  /** The member with the address that this process was told at its start, if it was told one. */
  relocated(member: MemberRecord): MemberRecord {
    const address = this.#addresses.get(member.name);
    return address === undefined ? member : { ...member, address };
  }

  remove(id: MemberId): void {
    this.#byId.delete(id);
  }

  byId(id: MemberId): MemberRecord | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): MemberRecord | undefined {
    for (const member of this.#byId.values()) if (member.name === name) return member;
    return undefined;
  }

  /** The member's name, or its number in words when it is not known here. */
  nameOf(id: MemberId | undefined): string | undefined {
    if (id === undefined) return undefined;
    return this.#byId.get(id)?.name ?? `member ${id}`;
  }

  pack(): PackedMember[] {
    return this.members.map(packMember);
  }

  restore(packed: readonly PackedMember[]): void {
    this.#byId.clear();
    for (const member of packed) this.put(unpackMember(member));
  }
}

/** A member of whom nothing is known yet. */
export function newMember(id: MemberId): MemberRecord {
  return { id, name: provisionalName(id), address: "", store: undefined, clients: [], votes: false };
}

/** A member with what is new of it. */
export function patched(known: MemberRecord, patch: MemberPatch): MemberRecord {
  const { name = known.name, address = known.address, store = known.store } = patch;
  const { clients = known.clients, votes = known.votes } = patch;
  return { id: known.id, name, address, store, clients, votes };
}

export function packMember({ id, name, address, store, clients, votes }: MemberPatch): PackedMember {
  return [id, name ?? null, address ?? null, store ?? null, clients ?? null, votes ?? null];
}

/** Throws TypeError for what is no member. */
export function unpackMember([id, name, address, store, clients, votes]: PackedMember): MemberPatch {
  const isSound =
    Number.isSafeInteger(id) &&
    isAbsentOr(name, isText) &&
    isAbsentOr(address, isText) &&
    isAbsentOr(store, Number.isSafeInteger) &&
    isAbsentOr(clients, (given) => Array.isArray(given) && given.every(isText)) &&
    isAbsentOr(votes, (given) => typeof given === "boolean");
  if (!isSound) throw new TypeError("not a member");
  const given = { name, address, store, clients, votes };
  const present = Object.entries(given).filter(([, value]) => value !== null && value !== undefined);
  return { id, ...Object.fromEntries(present) };
}

/** Members as others are told of them. Where clients go is of no use to these, and could be long. */
export function packMembers(members: readonly MemberRecord[]): PackedMember[] {
  return members.map((member) => packMember({ ...member, clients: undefined }));
}

/** Throws TypeError for what is no list of members. */
export function unpackMembers(packed: readonly PackedMember[]): MemberRecord[] {
  const patches = packed.map(unpackMember);
  return patches.map((patch) => patched(newMember(patch.id), patch));
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function isAbsentOr(value: unknown, isSound: (value: unknown) => boolean): boolean {
  return value === null || value === undefined || isSound(value);
}
