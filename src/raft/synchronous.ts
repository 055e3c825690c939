import { assert } from "../base/assert.ts";
import type { Entry } from "../log/entry.ts";
import type { Effects, HardState, ProposeResult, ReadReady, Save, SoftState } from "./effects.ts";
import type { Message } from "./message.ts";
import type { Raft } from "./raft.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";

/** What a host does between `ready` and `advance`, in the order of the fields. */
export interface Ready {
  readonly state: SoftState | undefined;
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: SnapshotMetadata | undefined;
  readonly mustSync: boolean;
  /** To be applied once the above is saved. */
  readonly committed: readonly Entry[];
  /** To be sent once the above is saved. */
  readonly messages: readonly Message[];
  readonly reads: readonly ReadReady[];
  readonly proposed: readonly ProposeResult[];
}

/**
 * A core for hosts that save, apply and send in one go: etcd's `Ready` and `Advance`. The core should be made with
 * `applyUnsaved`, since here what is committed is always saved before it is applied.
 */
export class SynchronousRaft {
  readonly #raft: Raft;
  #underWay: Effects | null = null;

  /** Wraps a core, whose effects are carried out one step at a time. */
  constructor(raft: Raft) {
    this.#raft = raft;
  }

  hasReady(): boolean {
    return this.#raft.hasEffects();
  }

  /** Hands out all that is to be done. Call `advance` before the next one. */
  ready(): Ready {
    assert(this.#underWay === null, "advance comes before the next ready");
    const effects = this.#raft.takeEffects();
    this.#underWay = effects;
    const { save, sendNow, apply, reads, proposed, state } = effects;
    const toOthers = save?.sendAfter.filter(({ to }) => to !== this.#raft.id) ?? [];
    return {
      state,
      hardState: save?.hardState,
      entries: save?.entries ?? [],
      snapshot: save?.snapshot,
      mustSync: save?.mustSync ?? false,
      committed: apply,
      messages: [...sendNow, ...toOthers],
      reads,
      proposed,
    };
  }

  /** Told that all of it is saved and applied. */
  advance(): void {
    assert(this.#underWay !== null, "advance follows a ready");
    const { save, apply } = this.#underWay;
    this.#underWay = null;
    if (save !== undefined) this.#saved(save);
    const last = apply[apply.length - 1];
    if (last !== undefined) this.#raft.applied(last.index);
  }

  /** What was for others left with `ready`. */
  #saved(save: Save): void {
    for (const message of save.sendAfter) {
      if (message.to === this.#raft.id) this.#raft.step(message);
    }
    this.#raft.savedLog(save);
  }
}
