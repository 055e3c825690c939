import type { Check } from "../../check.ts";
import { ContainedDamage } from "./contained-damage.ts";
import { ContentFollowers } from "./content-followers.ts";
import { CursorOrder } from "./cursor-order.ts";
import { DurableCommit } from "./durable-commit.ts";
import { ElectionSafety } from "./election-safety.ts";
import { ExclusiveLease } from "./exclusive-lease.ts";
import { ExplainedStop } from "./explained-stop.ts";
import { FailedDisk } from "./failed-disk.ts";
import { FreshReads } from "./fresh-reads.ts";
import { HarmlessPreVote } from "./harmless-pre-vote.ts";
import { LeaderAppendOnly } from "./leader-append-only.ts";
import { LeaderCompleteness } from "./leader-completeness.ts";
import { LogMatching } from "./log-matching.ts";
import { MembershipSteps } from "./membership-steps.ts";
import { MessageRate } from "./message-rate.ts";
import { OwnTermCommit } from "./own-term-commit.ts";
import { RealTimeOrder } from "./real-time-order.ts";
import { RecoveredLog } from "./recovered-log.ts";
import { SavedBeforeSent } from "./saved-before-sent.ts";
import { SingleVote } from "./single-vote.ts";
import { StateMachineSafety } from "./state-machine-safety.ts";
import { SurvivingQuorum } from "./surviving-quorum.ts";
import { TermOrder } from "./term-order.ts";
import { VotesOfMembers } from "./votes-of-members.ts";

/** What holds for the core and its disk, whatever the state machine. Fresh ones for each run: they remember. */
export function raftChecks(): Check[] {
  return [
    new ElectionSafety(),
    new LeaderAppendOnly(),
    new LogMatching(),
    new LeaderCompleteness(),
    new StateMachineSafety(),
    new CursorOrder(),
    new TermOrder(),
    new SingleVote(),
    new DurableCommit(),
    new OwnTermCommit(),
    new SurvivingQuorum(),
    new MembershipSteps(),
    new VotesOfMembers(),
    new FreshReads(),
    new ExclusiveLease(),
    new HarmlessPreVote(),
    new ContentFollowers(),
    new SavedBeforeSent(),
    new ContainedDamage(),
    new RecoveredLog(),
    new FailedDisk(),
    new ExplainedStop(),
    new RealTimeOrder(),
    new MessageRate(),
  ];
}
