import { type ChangeProblem, changeSimply, enterJoint, leaveJoint } from "../../../src/raft/members.ts";
import { EMPTY_MEMBERSHIP, type Membership, memberIds } from "../../../src/raft/membership.ts";
import { Progress } from "../../../src/raft/progress.ts";
import { type Block, parseBoolean } from "./datadriven.ts";
import { describeConfig, describeProgress, parseChanges } from "./text.ts";

const PROBLEMS: Record<ChangeProblem, string> = {
  "already-joint": "config is already joint",
  "no-voters": "can't make a zero-voter config joint",
  "not-joint": "can't leave a non-joint config",
  joint: "can't apply simple config change in joint config",
  "several-voters": "more than one voter changed without entering joint config",
  "no-voters-left": "removed all voters",
};

const LIMITS = { inflightMessagesMax: 10, inflightBytesMax: Number.POSITIVE_INFINITY };

/** One configuration, changed block by block, with the progress that a leader would keep of its members. */
export class ConfigurationChanges {
  #membership: Membership = EMPTY_MEMBERSHIP;
  #progress = new Map<number, Progress>();
  #lastIndex = 0;

  run(block: Block): string {
    const after = this.#change(block);
    const text =
      typeof after === "string"
        ? `${after in PROBLEMS ? PROBLEMS[after as ChangeProblem] : after}\n`
        : this.#switch(after);
    this.#lastIndex += 1;
    return text;
  }

  #change({ command, args, input }: Block): Membership | string {
    const changes = parseChanges(input);
    switch (command) {
      case "simple":
        return changeSimply(this.#membership, changes);
      case "enter-joint": {
        const autoLeave = args.find(({ key }) => key === "autoleave")?.values[0] ?? "false";
        return enterJoint(this.#membership, changes, parseBoolean(autoLeave));
      }
      case "leave-joint":
        return changes.length > 0 ? "this command takes no input" : leaveJoint(this.#membership);
      default:
        return "unknown command";
    }
  }

  #switch(after: Membership): string {
    this.#membership = after;
    const before = this.#progress;
    this.#progress = new Map(
      memberIds(after).map((id) => {
        const isLearner = after.learners.includes(id);
        const progress =
          before.get(id) ?? new Progress(id, Math.max(this.#lastIndex, 1), isLearner, true, LIMITS);
        progress.isLearner = isLearner;
        return [id, progress];
      }),
    );
    const lines = [...this.#progress].map(([id, progress]) => `${id}: ${describeProgress(progress)}\n`);
    return `${describeConfig(after)}\n${lines.join("")}`;
  }
}
