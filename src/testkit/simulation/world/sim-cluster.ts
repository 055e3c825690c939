import type { MemberId } from "../../../log/entry.ts";
import { isMember, type Membership } from "../../../raft/membership.ts";
import { quorumSize } from "../../../raft/quorum.ts";
import { LEADER, type MemberNumber } from "../../scenario.ts";
import type { Picture } from "../seen/picture.ts";
import type { Probes } from "./probes.ts";
import type { Promised } from "./promised.ts";
import type { SimMember } from "./sim-member.ts";

/** All members of a run, and what can be said of them together. */
export class SimCluster<Frame> {
  readonly members: readonly SimMember<Frame>[];
  readonly #picture: Picture;
  readonly #probes: Probes;

  constructor(members: readonly SimMember<Frame>[], picture: Picture, probes: Probes) {
    this.members = members;
    this.#picture = picture;
    this.#probes = probes;
  }

  /** The leader of the newest term that runs. */
  get leader(): SimMember<Frame> | undefined {
    const termOf = ({ id }: SimMember<Frame>): number => this.#picture.member(id).term;
    const leaders = this.members.filter(({ isLeader }) => isLeader);
    return leaders.sort((left, right) => termOf(right) - termOf(left))[0];
  }

  find(number: MemberNumber): SimMember<Frame> | undefined {
    return number === LEADER ? this.leader : this.members[number];
  }

  /** Why the cluster is not at rest, or null. */
  unrest(): string | null {
    const { leader } = this;
    if (leader === undefined) return "nobody leads";
    const { membership } = leader;
    if (membership.outgoing.length > 0) return "the configuration is still joint";
    const { canon } = this.#picture;
    for (const member of this.members) {
      if (!isMember(membership, member.id) || member.isLost || member.isDamaged) continue;
      if (this.#isLeftBehind(member, membership)) continue;
      const unrest = member.unrest();
      if (unrest !== null) return unrest;
      const { applied } = this.#picture.member(member.id);
      if (applied !== canon.lastIndex) return `${member.name} has applied ${applied} of ${canon.lastIndex}`;
    }
    return null;
  }

  /** Whether all that this member knew were removed while it was away, and have gone: it has to be added again. */
  #isLeftBehind(member: SimMember<Frame>, membership: Membership): boolean {
    const others = this.members.filter((other) => other !== member && isMember(membership, other.id));
    const isLeftBehind = others.length > 0 && !others.some(({ id, name }) => member.knows(id, name));
    if (isLeftBehind) this.#probes.hit("left behind");
    return isLeftBehind;
  }

  /** Whether nobody can lead ever again: others were removed while the disks of the rest were lost. */
  isMajorityLost(): boolean {
    const rest = this.members.filter(({ isLost, isDamaged }) => !isLost && !isDamaged);
    const isLost = !isQuorum(rest, this.#picture.membership);
    if (isLost) this.#probes.hit("majority of the disks lost");
    return isLost;
  }

  /**
   * Whether nothing is lost for good when this member's disk is: a majority of other disks is whole, and no store but
   * the one that is lost would be believed under this name.
   */
  canDoWithout(member: SimMember<Frame>): boolean {
    const { leader } = this;
    if (leader === undefined || !member.isEnlisted || member === leader || !leader.hasAgreedOn(member.id))
      return false;
    const whole = this.members.filter((other) => other !== member && other.isWhole);
    return isQuorum(whole, leader.membership);
  }

  /**
   * Whether a majority of the others knows which store is this member's. Who has never heard of the group believes the first
   * that comes, and with that one might found the cluster anew.
   */
  isWidelyKnown(member: SimMember<Frame>): boolean {
    const knowing = this.members.filter((other) => other !== member && other.hasAgreedOn(member.id));
    return isQuorum(knowing, this.#picture.membership);
  }

  /** Whether the others hold whatever the member has promised since: it may forget that. */
  isHeldByOthers({ id }: SimMember<Frame>, promised: Promised): boolean {
    const others = this.members.filter((other) => other.id !== id && other.isWhole);
    return promised.isHeldBy(
      new Set(others.map((other) => other.id)),
      this.#picture.member(id),
      this.#picture,
    );
  }
}

/** Whether these have a majority in each half of the configuration. */
function isQuorum(members: readonly { readonly id: MemberId }[], { voters, outgoing }: Membership): boolean {
  const ids = new Set(members.map(({ id }) => id));
  return [voters, outgoing].every(
    (half) => half.length === 0 || half.filter((id) => ids.has(id)).length >= quorumSize(half.length),
  );
}
