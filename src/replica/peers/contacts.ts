import { MalformedBytes } from "../../base/bytes.ts";
import { pack, unpack } from "../../base/codec.ts";
import type { Index, MemberId } from "../../log/entry.ts";
import {
  type Directory,
  type MemberRecord,
  type PackedMember,
  packMembers,
  unpackMembers,
} from "../members/directory.ts";

/** More than a thousand members with long names take. */
const HEARSAY_BYTES_MAX = 256 * 1024;

/**
 * Whom this member can talk with: the members by its own directory, and those that it knows by hearsay, from others that
 * have applied more. A member that was away while the cluster changed may not know its leader yet, and would learn of it
 * from nobody else; so what it is told of names, ids and addresses is enough to talk. It is never agreed on, counted or
 * kept: the newest list alone is held, and only until this member has applied as much itself.
 */
export class Contacts {
  readonly #directory: Directory;
  readonly #applied: () => Index;
  #heardIndex: Index = 0;
  #heardMembers: readonly MemberRecord[] = [];

  constructor(directory: Directory, applied: () => Index) {
    this.#directory = directory;
    this.#applied = applied;
  }

  /** Everybody, each name once. Whoever is missing in the newer list is still heard: it may be needed until then. */
  get members(): readonly MemberRecord[] {
    const heard = this.#heard;
    const isHeard = (own: MemberRecord): boolean =>
      heard.some(({ id, name }) => id === own.id || name === own.name);
    return [...heard, ...this.#directory.members.filter((own) => !isHeard(own))];
  }

  byId(id: MemberId): MemberRecord | undefined {
    for (const member of this.#heard) if (member.id === id) return member;
    return this.#directory.byId(id);
  }

  byName(name: string): MemberRecord | undefined {
    for (const member of this.#heard) if (member.name === name) return member;
    return this.#directory.byName(name);
  }

  /** The member's name, or its number in words when it is not known here. */
  nameOf(id: MemberId | undefined): string | undefined {
    return id === undefined ? undefined : (this.byId(id)?.name ?? this.#directory.nameOf(id));
  }

  /** Takes in who took part as of `index`. False when that is no news. Throws MalformedBytes. */
  hear(index: Index, packed: Uint8Array): boolean {
    if (index <= Math.max(this.#heardIndex, this.#applied())) return false;
    const members = unpackHearsay(packed);
    this.#heardMembers = members.map((member) => this.#directory.relocated(member));
    this.#heardIndex = index;
    return true;
  }

  get #heard(): readonly MemberRecord[] {
    return this.#heardIndex > this.#applied() ? this.#heardMembers : NOBODY;
  }
}

const NOBODY: readonly MemberRecord[] = [];

/** What others are told of the members. */
export function packHearsay(members: readonly MemberRecord[]): Uint8Array {
  return pack(packMembers(members));
}

function unpackHearsay(bytes: Uint8Array): MemberRecord[] {
  if (bytes.length > HEARSAY_BYTES_MAX) throw new MalformedBytes("too long a list of members");
  try {
    return unpackMembers(unpack(bytes) as PackedMember[]);
  } catch {
    throw new MalformedBytes("not a list of members");
  }
}
