import { invalidArgument } from "../../base/errors.ts";
import { hashText } from "../../base/hash.ts";
import type { Random } from "../../base/random.ts";
import type { MemberId } from "../../log/entry.ts";

const NAME_FORM = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** Member ids are hashes of this many bits, so that they stay short in text and far apart. */
const MEMBER_ID_MAX = 2 ** 48;

/**
 * The number that a first member's name gives, the same wherever it is computed: the members of a new cluster must
 * agree on it before they have talked.
 */
export function firstMemberId(name: string): MemberId {
  return (hashText(name, 1) % (MEMBER_ID_MAX - 1)) + 1;
}

/** A number for a member that is added later, which nobody has had. */
export function randomMemberId(random: Random): MemberId {
  return random.next() * 2 ** 16 + random.between(1, 2 ** 16 - 1);
}

/** What a member is called that was added without a name. Nobody can choose such a name. */
export function provisionalName(id: MemberId): string {
  return `~${id.toString(16)}`;
}

export function isProvisionalName(name: string): boolean {
  return name.startsWith("~");
}

/** What all members of a new cluster compute from its name and theirs: 16 bytes in hex. */
export function firstClusterId(cluster: string, names: readonly string[]): string {
  const text = JSON.stringify([cluster, ...[...names].sort()]);
  const word = (seed: number): string => (hashText(text, seed) % 2 ** 32).toString(16).padStart(8, "0");
  return word(11) + word(12) + word(13) + word(14);
}

/** A number that tells stores apart, short enough to go with every message. */
export function storeTag(storeId: string): number {
  return hashText(storeId, 2);
}

/** Throws ERR_INVALID_ARGUMENT for names that cannot stand for a member. */
export function checkMemberNames(names: readonly string[]): void {
  const ids = new Map<MemberId, string>();
  for (const name of names) {
    if (typeof name !== "string" || !NAME_FORM.test(name)) {
      throw invalidArgument(
        "name",
        name,
        `"${name}" cannot be a member's name: letters, digits, dot, dash and underscore, 63 at most`,
      );
    }
    const other = ids.get(firstMemberId(name));
    if (other !== undefined) {
      throw invalidArgument("peers", names, `the names ${other} and ${name} give the same id`);
    }
    ids.set(firstMemberId(name), name);
  }
}
