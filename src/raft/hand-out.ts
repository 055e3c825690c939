import type { Core } from "./core.ts";
import type { Effects, HardState, Save, SoftState } from "./effects.ts";
import { askForReads, hasReadsToAsk } from "./reads.ts";
import { flushAppends } from "./replication.ts";

/** Hands out what was decided, each effect once. It remembers what the host knows already. */
export class HandOut {
  readonly #core: Core;
  #knownHardState: HardState;
  #knownState: SoftState;

  constructor(core: Core) {
    const { term, vote, log, leader, role } = core;
    this.#core = core;
    this.#knownHardState = { term, vote, commit: log.committed };
    this.#knownState = { role: role.kind, leader, term };
  }

  hasEffects(): boolean {
    const { log, outbox, role, settings } = this.#core;
    return (
      !outbox.isEmpty ||
      (role.kind === "leader" && (role.isAppendDue || role.isCommitDue)) ||
      log.hasUnsaved ||
      log.hasUnapplied(settings.applyUnsaved) ||
      hasReadsToAsk(this.#core) ||
      this.#isHardStateNew() ||
      this.#isStateNew()
    );
  }

  take(): Effects {
    const { log, outbox, role, settings } = this.#core;
    askForReads(this.#core);
    if (role.kind === "leader" && (role.isAppendDue || role.isCommitDue)) flushAppends(this.#core, role);

    const save = this.#takeSave();
    const apply = log.takeUnapplied(settings.applyUnsaved);
    const { sendNow, reads, proposed } = outbox;
    outbox.sendNow = [];
    outbox.reads = [];
    outbox.proposed = [];
    return { sendNow, save, apply, reads, proposed, state: this.#takeState() };
  }

  #takeSave(): Save | undefined {
    const { log, outbox, settings, term, vote } = this.#core;
    const { sendAfter, snapshot } = outbox;
    const isNews = this.#isHardStateNew();
    if (!isNews && !log.hasUnsaved && sendAfter.length === 0 && snapshot === undefined) return undefined;

    outbox.sendAfter = [];
    outbox.snapshot = undefined;
    const entries = log.takeUnsaved();
    const before = this.#knownHardState;
    if (isNews) this.#knownHardState = { term, vote, commit: log.committed };
    const isNewVote = term !== before.term || vote !== before.vote;
    const hasChange = settings.durableChanges && log.holdChanges(before.commit);
    return {
      hardState: isNews ? this.#knownHardState : undefined,
      entries,
      snapshot,
      mustSync: entries.length > 0 || isNewVote || snapshot !== undefined || hasChange,
      sendAfter,
      last: log.saved < log.lastIndex ? log.last : undefined,
      term,
    };
  }

  #takeState(): SoftState | undefined {
    if (!this.#isStateNew()) return undefined;
    const { role, leader, term } = this.#core;
    this.#knownState = { role: role.kind, leader, term };
    return this.#knownState;
  }

  #isHardStateNew(): boolean {
    const { term, vote, log } = this.#core;
    const known = this.#knownHardState;
    return log.committed !== known.commit || term !== known.term || vote !== known.vote;
  }

  #isStateNew(): boolean {
    const { role, leader, term } = this.#core;
    const known = this.#knownState;
    return role.kind !== known.role || leader !== known.leader || term !== known.term;
  }
}

/** What a core that has failed still wants: nothing. */
export const NO_EFFECTS: Effects = Object.freeze({
  sendNow: Object.freeze([]),
  save: undefined,
  apply: Object.freeze([]),
  reads: Object.freeze([]),
  proposed: Object.freeze([]),
  state: undefined,
});
