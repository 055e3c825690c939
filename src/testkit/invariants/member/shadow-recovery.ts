import { type Check, Violation } from "../../check.ts";
import type { Picture } from "../../simulation/seen/picture.ts";
import type { SimEvent } from "../../simulation/seen/sim-event.ts";
import { complaintAbout, expectedOf } from "../raft/recovered-log.ts";

/** As for a true start, at moments of which a run with true crashes would see only few. */
export class ShadowRecovery implements Check {
  readonly name = "D4";
  readonly says = "Whatever moment the power fails at, a start finds all that was reported as durable.";
  readonly kinds = ["shadow"] as const;

  observe(event: SimEvent, picture: Picture): void {
    if (event.kind !== "shadow") return;
    const { recovered, cut } = event;
    const member = picture.member(event.member);
    const complaint =
      "refused" in recovered
        ? `refuses: ${recovered.refused}`
        : complaintAbout(expectedOf(member), recovered, picture);
    if (complaint !== null)
      throw new Violation(this, `After a cut (${cut}) ${member.name} would start ${complaint}.`);
  }
}
