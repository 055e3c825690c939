import type { MemberId } from "../../log/entry.ts";
import type { Directory, MemberPatch, MemberRecord } from "./directory.ts";

/**
 * Which store speaks for each member. A member whose disk was wiped or replaced has forgotten its votes and what it
 * acknowledged; counted as if it had not, it could help to elect a second leader, or to lose what was committed. So the
 * group agrees on each member's first store, and believes no other one under that name.
 */
export class StoreTags {
  readonly #own: MemberId;
  readonly #directory: Directory;
  /** Heard in this run, and not agreed on yet. */
  readonly #heard = new Map<MemberId, number>();

  constructor(own: MemberId, tag: number, directory: Directory) {
    this.#own = own;
    this.#directory = directory;
    this.#heard.set(own, tag);
  }

  /** This member's own tag, which goes with every message. */
  get ownTag(): number {
    return this.#heard.get(this.#own)!;
  }

  /** Whether the group knows this member by another store than the one that it has. */
  get isReplaced(): boolean {
    const agreed = this.#directory.byId(this.#own)?.store ?? null;
    return agreed !== null && agreed !== this.ownTag;
  }

  /** Whether the group has agreed on this member's store. */
  get isAgreed(): boolean {
    return this.#directory.byId(this.#own)?.store === this.ownTag;
  }

  /** Whether the store may speak for the member. The first one heard is remembered. */
  admits({ id, store }: MemberRecord, tag: number): boolean {
    const known = store ?? this.#heard.get(id) ?? tag;
    if (store === undefined) this.#heard.set(id, known);
    return known === tag;
  }

  /** A member whose store was heard and should be agreed on, or null when there is none. */
  next(): MemberPatch | null {
    for (const member of this.#directory.members) {
      const store = this.#heard.get(member.id);
      if (member.store === undefined && store !== undefined) return { id: member.id, store };
    }
    return null;
  }
}
