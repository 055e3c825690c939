import type { MemberId } from "../../../log/entry.ts";
import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { isPromise } from "./promise.ts";

/** "Can applications recover from fsync failures?" (ATC 2020): nobody knows what a disk holds that has refused once. */
export class FailedDisk implements Check {
  readonly name = "D6";
  readonly says =
    "Once its disk has refused a write or a sync a member promises nothing more until it is started again.";
  readonly kinds = ["save-failed", "started", "sent"] as const;
  readonly #failed = new Set<MemberId>();

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind === "save-failed") this.#failed.add(event.member);
    else if (event.kind === "started") this.#failed.delete(event.member);
    else if (event.kind === "sent" && this.#failed.has(event.member) && isPromise(event.message)) {
      throw new Violation(
        this,
        `${picture.nameOf(event.member)} sends ${event.message.kind} after its disk has failed.`,
      );
    }
  }
}
