import type { MemberId } from "../log/entry.ts";
import type { Command } from "./command.ts";
import { encodeCommand } from "./command-codec.ts";
import type { SetKvLimits } from "./kv-host.ts";
import type { KvMachine } from "./kv-machine.ts";
import type { UpkeepMember } from "./upkeep-member.ts";

/** Above this share of the quota history is given up sooner … */
const CROWDED_SHARE = 0.8;
/** … down to this many revisions; and all of it once the store is over its quota. */
const CROWDED_REVISIONS = 1_000;

/**
 * Keeps a store within its bounds while this member leads: history is compacted when enough of it has gathered, the
 * alarm is raised when the store is over its quota. Where history is given up by itself, the alarm is lowered by itself as
 * well, when there is space again; else both are the user's to do.
 *
 * What a member holds depends on how far its own compaction is, so it must not decide by itself what is refused: the
 * alarm goes through the log, and so all members refuse the same.
 */
export class Housekeeper {
  readonly #member: UpkeepMember;
  readonly #machine: KvMachine;
  readonly #limits: SetKvLimits;
  /** One command at a time; whether it worked shows in the state. */
  #isProposing = false;

  constructor(member: UpkeepMember, machine: KvMachine, limits: SetKvLimits) {
    this.#member = member;
    this.#machine = machine;
    this.#limits = limits;
  }

  /** To be called now and then. */
  tick(): void {
    if (!this.#member.isLeader || this.#isProposing) return;
    const command = this.#due();
    if (command === null) return;
    this.#isProposing = true;
    this.#member.propose(encodeCommand(command), () => {
      this.#isProposing = false;
    });
  }

  #due(): Command | null {
    const machine = this.#machine;
    const { quotaBytes, historyRevisions } = this.#limits;
    const { heldBytes } = machine.store;
    const isCrowded = heldBytes > quotaBytes * CROWDED_SHARE;
    if (heldBytes > quotaBytes && !machine.isOutOfSpace) return noSpace(this.#member.id, true);
    // A store whose history is never given up is its user's to look after, as in etcd: to compact, and to disarm.
    if (!Number.isFinite(historyRevisions)) return null;
    if (machine.isOutOfSpace && !isCrowded) return noSpace(null, false);
    return this.#dueCompaction(isCrowded);
  }

  /** Half of the history at a time: so the cost of a compaction is spread over as many writes. */
  #dueCompaction(isCrowded: boolean): Command | null {
    const machine = this.#machine;
    const { historyRevisions } = this.#limits;
    const { revision, compactRevision, compaction } = machine.store;
    const most = machine.isOutOfSpace ? 0 : isCrowded ? CROWDED_REVISIONS : historyRevisions;
    const kept = Math.min(most, historyRevisions);
    const held = revision - Math.max(0, compactRevision);
    if (!compaction.isDone || held === 0 || held < 2 * kept) return null;
    return { kind: "compact", revision: revision - kept };
  }
}

function noSpace(member: MemberId | null, isRaised: boolean): Command {
  return { kind: "alarm", alarm: "no-space", member, isRaised };
}
