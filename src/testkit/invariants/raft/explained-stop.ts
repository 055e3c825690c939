import { type Check, Violation } from "../../check.ts";
import type { ActionKind } from "../../scenario.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";

/** Which faults may make a member stop by itself, and with which error. */
const CAUSES: Readonly<Partial<Record<ActionKind, readonly string[]>>> = {
  "disk-error": ["ERR_DISK", "the disk refused"],
  "full-disk": ["ERR_DISK"],
  rot: ["ERR_CORRUPT"],
  // What was wiped may also notice by itself that it lacks what it once acknowledged.
  wipe: ["ERR_IDENTITY_MISMATCH", "ERR_LOG_LOST"],
  "old-backup": ["ERR_IDENTITY_MISMATCH", "ERR_LOG_LOST"],
  // The copy may be of a directory that has rotted.
  clone: ["ERR_IDENTITY_MISMATCH", "ERR_CORRUPT"],
};

export class ExplainedStop implements Check {
  readonly name = "F1";
  readonly says = "A member stops by itself only when its disk refuses, or when it takes part no more.";
  readonly kinds = ["action", "stopped"] as const;
  /** By name: who is added again has another id and the same disk. */
  readonly #faults = new Map<string, Set<ActionKind>>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "action" && event.member !== undefined) {
      const name = picture.nameOf(event.member);
      this.#faults.set(name, (this.#faults.get(name) ?? new Set()).add(event.action.kind));
    } else if (event.kind === "stopped" && event.how === "failed") {
      const { reason = "the disk refused", member } = event;
      if (reason.startsWith("ERR_MEMBERSHIP")) return;
      const faults = [...(this.#faults.get(picture.nameOf(member)) ?? [])];
      if (faults.some((fault) => CAUSES[fault]?.some((cause) => reason.startsWith(cause)))) return;
      throw new Violation(this, `${picture.nameOf(member)} stops: ${reason}.`);
    }
  }
}
