import type { MemberId } from "../log/entry.ts";

/** A member as people know it, and its number in the core. */
export interface MemberRecord {
  readonly id: MemberId;
  readonly name: string;
  readonly address: string;
  /**
   * The tag of the store that speaks for the member, or null while the group has not agreed on it. Once agreed, no
   * other store is believed: a disk that was wiped or replaced has forgotten what the member promised.
   */
  readonly store: number | null;
}

export type PackedMember = readonly [id: MemberId, name: string, address: string, store: number | null];

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

  put(member: MemberRecord): void {
    const address = this.#addresses.get(member.name) ?? member.address;
    this.#byId.set(member.id, { ...member, address });
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
  nameOf(id: MemberId | null): string | null {
    if (id === null) return null;
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

export function packMember({ id, name, address, store }: MemberRecord): PackedMember {
  return [id, name, address, store];
}

/** Throws TypeError for what is no member. */
export function unpackMember([id, name, address, store]: PackedMember): MemberRecord {
  const isSound = Number.isSafeInteger(id) && typeof name === "string" && typeof address === "string";
  if (isSound && (store === null || Number.isSafeInteger(store))) return { id, name, address, store };
  throw new TypeError("not a member");
}
