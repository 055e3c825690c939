import type { Command } from "./command.ts";
import { encodeCommand } from "./command-codec.ts";
import type { KvHost } from "./kv-host.ts";

/** Above this share of the quota history is given up sooner … */
const CROWDED_SHARE = 0.8;
/** … down to this many revisions; and all of it once the store is over its quota. */
const CROWDED_REVISIONS = 1_000;

/**
 * Keeps a store within its bounds while this member leads: history is compacted when enough of it has gathered, the
 * alarm is raised when the store is over its quota, and lowered when there is space again.
 *
 * What a member holds depends on how far its own compaction is, so it must not decide by itself what is refused: the
 * alarm goes through the log, and so all members refuse the same.
 */
export class Housekeeper {
  readonly #host: KvHost;
  /** One command at a time; whether it worked shows in the state. */
  #isProposing = false;

  constructor(host: KvHost) {
    this.#host = host;
  }

  /** To be called now and then. */
  tick(): void {
    if (!this.#host.replica.isLeader || this.#isProposing) return;
    const command = this.#due();
    if (command === null) return;
    this.#isProposing = true;
    const done = (): void => {
      this.#isProposing = false;
    };
    this.#host.replica.propose(encodeCommand(command)).then(done, done);
  }

  #due(): Command | null {
    const { machine, limits } = this.#host;
    const { heldBytes } = machine.store;
    const isCrowded = heldBytes > limits.quotaBytes * CROWDED_SHARE;
    if (heldBytes > limits.quotaBytes && !machine.isOutOfSpace) return noSpace(true);
    if (machine.isOutOfSpace && !isCrowded) return noSpace(false);
    // A store whose history is never given up is its user's to compact.
    return Number.isFinite(limits.historyRevisions) ? this.#dueCompaction(isCrowded) : null;
  }

  /** Half of the history at a time: so the cost of a compaction is spread over as many writes. */
  #dueCompaction(isCrowded: boolean): Command | null {
    const { machine, limits } = this.#host;
    const { revision, compactRevision, compaction } = machine.store;
    const most = machine.isOutOfSpace ? 0 : isCrowded ? CROWDED_REVISIONS : limits.historyRevisions;
    const kept = Math.min(most, limits.historyRevisions);
    const held = revision - Math.max(0, compactRevision);
    if (!compaction.isDone || held === 0 || held < 2 * kept) return null;
    return { kind: "compact", revision: revision - kept };
  }
}

function noSpace(isRaised: boolean): Command {
  return { kind: "alarm", alarm: "no-space", isRaised };
}
