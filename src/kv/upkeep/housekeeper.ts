import type { MemberId } from "../../log/entry.ts";
import type { MemoryWatch, SetKvLimits } from "../kv-context.ts";
import type { Alarm } from "../machine/alarms.ts";
import type { Command } from "../machine/command.ts";
import { encodeCommand } from "../machine/command-codec.ts";
import type { KvMachine } from "../machine/kv-machine.ts";
import type { UpkeepMember } from "./upkeep-member.ts";

/** Above this share of the quota history is given up sooner … */
const CROWDED_SHARE = 0.8;
/** … down to this many revisions; and all of it once the store is over its quota. */
const CROWDED_REVISIONS = 1_000;

/**
 * Keeps a store within its bounds: history is compacted by the leader when enough of it has gathered, and each member raises
 * the alarm about itself when the store is over its quota, or its process short of memory. Where history is given up by
 * itself, a member lowers its alarm by itself as well, when there is space again; else both are the user's to do.
 *
 * What a member holds depends on how far its own compaction is, and what it may hold on its machine, so it must not decide by
 * itself what is refused: the alarm goes through the log, and so all members refuse the same, and the one with the least
 * room is spared.
 */
export class Housekeeper {
  readonly #member: UpkeepMember;
  readonly #machine: KvMachine;
  readonly #limits: SetKvLimits;
  readonly #memory: Pick<MemoryWatch, "isShort">;
  /** One command at a time; whether it worked shows in the state. */
  #isProposing = false;

  constructor(
    member: UpkeepMember,
    machine: KvMachine,
    limits: SetKvLimits,
    memory: Pick<MemoryWatch, "isShort"> = { isShort: false },
  ) {
    this.#member = member;
    this.#machine = machine;
    this.#limits = limits;
    this.#memory = memory;
  }

  /** To be called now and then. */
  tick(): void {
    if (this.#isProposing) return;
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
    const { heldBytes } = machine;
    const isOver = heldBytes > quotaBytes || this.#memory.isShort;
    if (isOver && !machine.isOutOfSpace) return noSpace(this.#member.id, true);
    // A store whose history is never given up is its user's to look after, as in etcd: to compact, and to disarm.
    if (!Number.isFinite(historyRevisions)) return null;
    const isCrowded = isOver || heldBytes > quotaBytes * CROWDED_SHARE;
    const outdated = isCrowded ? undefined : machine.alarms.all().find((alarm) => this.#mayLower(alarm));
    if (outdated !== undefined) return noSpace(outdated.member, false);
    return this.#member.isLeader ? this.#dueCompaction(isCrowded) : null;
  }

  /** Its own alarm, and where it leads that of a member that takes no part any more. Others know best about themselves. */
  #mayLower({ kind, member }: Alarm): boolean {
    if (kind !== "no-space") return false;
    const { id, isLeader, memberIds = [] } = this.#member;
    return member === id || (isLeader && memberIds.length > 0 && !memberIds.includes(member));
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

function noSpace(member: MemberId, isRaised: boolean): Command {
  return { kind: "alarm", alarm: "no-space", member, isRaised };
}
