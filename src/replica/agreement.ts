import { QuorateError } from "../base/errors.ts";
import { hashText } from "../base/hash.ts";
import { SETTING_LENGTH_MAX, type Setting } from "../transport/codec/peer-frame.ts";
import type { OnApplyError } from "./apply/execution.ts";
import type { ReplicaLimits } from "./options.ts";

/** What the members of one cluster must be opened with alike, and what decides it. */
export interface AgreementParts {
  readonly leaseReads: boolean;
  readonly onApplyError: OnApplyError;
  readonly codec: string;
  readonly machineKind: string;
  readonly limits: Pick<ReplicaLimits, "tickMs" | "electionTicks" | "checkpointEntries">;
}

/**
 * The settings that all members must have alike: with others, a member would apply the log differently, compare its state
 * at other places, or give up another's lease too early. Each frame carries `tag`, a short form of them, so that no
 * frame of a member with other settings is ever taken in, whichever transport carries it.
 */
export class Agreement {
  readonly settings: readonly Setting[];
  readonly tag: number;

  constructor({ leaseReads, onApplyError, codec, machineKind, limits }: AgreementParts) {
    this.settings = [
      ["leaseReads", String(leaseReads)],
      ["onApplyError", onApplyError],
      ["codec", codec.slice(0, SETTING_LENGTH_MAX)],
      ["machine.kind", machineKind.slice(0, SETTING_LENGTH_MAX)],
      ["limits.tickMs", String(limits.tickMs)],
      ["limits.electionTicks", String(limits.electionTicks)],
      ["limits.checkpointEntries", String(limits.checkpointEntries)],
    ];
    this.tag = hashText(JSON.stringify(this.settings), 3) % 2 ** 32;
  }

  /** One error for each setting in which the peer differs; a setting that one of the two does not know is `unset` there. */
  disputes(peer: string, theirs: readonly Setting[]): QuorateError<"ERR_OPTION_MISMATCH">[] {
    const [own, other] = [new Map(this.settings), new Map(theirs)];
    const options = [...new Set([...own.keys(), ...other.keys()])];
    return options
      .map((option) => ({ peer, option, ours: own.get(option) ?? UNSET, theirs: other.get(option) ?? UNSET }))
      .filter((dispute) => dispute.ours !== dispute.theirs)
      .map((dispute) => mismatch(dispute));
  }
}

const UNSET = "unset";

interface Dispute {
  readonly peer: string;
  readonly option: string;
  readonly ours: string;
  readonly theirs: string;
}

function mismatch(dispute: Dispute): QuorateError<"ERR_OPTION_MISMATCH"> {
  const { peer, option, ours, theirs } = dispute;
  const message = `${option} is ${theirs} on ${peer} and ${ours} here: it must be the same on all members`;
  return new QuorateError("ERR_OPTION_MISMATCH", message, dispute);
}
