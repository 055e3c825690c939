import type { MemberId } from "../log/entry.ts";

/** A member as people know it, and its number in the core. */
export interface MemberRecord {
  readonly id: MemberId;
  readonly name: string;
  readonly address: string;
}

export type PackedMember = readonly [id: MemberId, name: string, address: string];

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
    return this.members.map(({ id, name, address }) => [id, name, address]);
  }

  restore(packed: readonly PackedMember[]): void {
    this.#byId.clear();
    for (const [id, name, address] of packed) this.put({ id, name, address });
  }
}
