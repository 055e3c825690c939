import type { MemberId } from "../log/entry.ts";
import type { Raft } from "../raft/raft.ts";

/**
 * Shortens the time without a leader. A process that ends lets go of its connections at once, long before its silence
 * is noticed. So a follower that loses its leader's connection forgets the leader and asks for pre-votes, again and
 * again until somebody leads: others may notice the loss later than we do. This is safe, and it cannot disturb a
 * leader that still works: a pre-vote changes nothing, and is refused by everyone who still hears from the leader
 * (thesis, 9.6).
 */
export class Failover {
  #ticksToCampaign: number | null = null;
  #tries = 0;

  lostConnection(peer: MemberId, raft: Raft): void {
    raft.reportUnreachable(peer);
    if (raft.leader !== peer || raft.forgetLeader() !== undefined) return;
    this.#tries = 0;
    this.#ticksToCampaign = rank(raft, peer);
    if (this.#ticksToCampaign === 0) this.#campaign(raft);
  }

  /** A group that has just started need not wait either. If somebody leads, a heartbeat comes before our turn. */
  foundConnection(raft: Raft): void {
    if (raft.leader !== undefined || this.#ticksToCampaign !== null) return;
    this.#tries = 0;
    this.#ticksToCampaign = rank(raft, null) + 1;
  }

  tick(raft: Raft): void {
    if (this.#ticksToCampaign === null) return;
    if (raft.leader !== undefined) {
      this.#ticksToCampaign = null;
      return;
    }
    this.#ticksToCampaign -= 1;
    if (this.#ticksToCampaign <= 0) this.#campaign(raft);
  }

  /**
   * The next time is when each other voter has had its turn. A true election under way is left to end by itself. Where an
   * election takes longer than the turns, members would stand against each other in lockstep for ever: so after some
   * tries the matter is left to the election timeouts, which are drawn by chance.
   */
  #campaign(raft: Raft): void {
    this.#tries += 1;
    this.#ticksToCampaign = this.#tries < TRIES_MAX ? raft.membership.voters.length : null;
    if (raft.role === "follower" || raft.role === "pre-candidate") raft.campaign();
  }
}

const TRIES_MAX = 4;

/** Survivors stand one after the other, a tick apart, so that they do not split the votes. */
function rank(raft: Raft, lost: MemberId | null): number {
  const survivors = raft.membership.voters.filter((id) => id !== lost);
  return Math.max(0, survivors.indexOf(raft.id));
}
