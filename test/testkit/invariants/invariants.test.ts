import { describe, expect, it } from "vitest";
import { encodeCommand } from "../../../src/kv/machine/command-codec.ts";
import { FaithfulWatches } from "../../../src/testkit/invariants/kv/faithful-watches.ts";
import type { KvNote } from "../../../src/testkit/invariants/kv/kv-note.ts";
import { PatientLeases } from "../../../src/testkit/invariants/kv/patient-leases.ts";
import { RevisionSteps } from "../../../src/testkit/invariants/kv/revision-steps.ts";
import { EqualResults } from "../../../src/testkit/invariants/member/equal-results.ts";
import { EqualStates } from "../../../src/testkit/invariants/member/equal-states.ts";
import { ShadowRecovery } from "../../../src/testkit/invariants/member/shadow-recovery.ts";
import { SingleEffect } from "../../../src/testkit/invariants/member/single-effect.ts";
import { TrueAnswers } from "../../../src/testkit/invariants/member/true-answers.ts";
import { ContentFollowers } from "../../../src/testkit/invariants/raft/content-followers.ts";
import { CursorOrder } from "../../../src/testkit/invariants/raft/cursor-order.ts";
import { DurableCommit } from "../../../src/testkit/invariants/raft/durable-commit.ts";
import { ElectionSafety } from "../../../src/testkit/invariants/raft/election-safety.ts";
import { ExclusiveLease } from "../../../src/testkit/invariants/raft/exclusive-lease.ts";
import { ExplainedStop } from "../../../src/testkit/invariants/raft/explained-stop.ts";
import { FailedDisk } from "../../../src/testkit/invariants/raft/failed-disk.ts";
import { FreshReads } from "../../../src/testkit/invariants/raft/fresh-reads.ts";
import { HarmlessPreVote } from "../../../src/testkit/invariants/raft/harmless-pre-vote.ts";
import { LeaderAppendOnly } from "../../../src/testkit/invariants/raft/leader-append-only.ts";
import { LeaderCompleteness } from "../../../src/testkit/invariants/raft/leader-completeness.ts";
import { LogMatching } from "../../../src/testkit/invariants/raft/log-matching.ts";
import { MembershipSteps } from "../../../src/testkit/invariants/raft/membership-steps.ts";
import { MessageRate } from "../../../src/testkit/invariants/raft/message-rate.ts";
import { OwnTermCommit } from "../../../src/testkit/invariants/raft/own-term-commit.ts";
import { RealTimeOrder } from "../../../src/testkit/invariants/raft/real-time-order.ts";
import { RecoveredLog } from "../../../src/testkit/invariants/raft/recovered-log.ts";
import { SavedBeforeSent } from "../../../src/testkit/invariants/raft/saved-before-sent.ts";
import { SingleVote } from "../../../src/testkit/invariants/raft/single-vote.ts";
import { StateMachineSafety } from "../../../src/testkit/invariants/raft/state-machine-safety.ts";
import { SurvivingQuorum } from "../../../src/testkit/invariants/raft/surviving-quorum.ts";
import { TermOrder } from "../../../src/testkit/invariants/raft/term-order.ts";
import { type Case, hold } from "./cases.ts";
import { change, entry, recovered, snapshotAt, Tale } from "./tale.ts";

const granted = (from: number, to: number, term: number) =>
  ({ kind: "vote-reply", from, to, term, granted: true }) as const;
const accepted = (from: number, to: number, term: number, matched: number) =>
  ({ kind: "append-accepted", from, to, term, matched }) as const;

const led = (leader: number | undefined, role: "follower" | "pre-candidate" = "follower") =>
  ({ kind: "role", role, term: 2, leader }) as const;
const calm = (tale: Tale) => tale.tell({ kind: "calm", at: 0 }).pass(1000);
const asked = { kind: "received", id: 1, message: { kind: "timeout-now", from: 2, to: 1, term: 2 } } as const;

const CASES: readonly Case[] = [
  {
    make: () => new ContentFollowers(),
    fires: {
      "a member stands right after its leader was heard": (tale) =>
        calm(tale).of(1, led(2)).of(1, led(undefined, "pre-candidate")),
    },
    rests: {
      "it has not heard from it for long": (tale) =>
        calm(tale).of(1, led(2)).pass(50).of(1, led(undefined, "pre-candidate")),
      "its leader is lost first": (tale) =>
        calm(tale).of(1, led(2)).of(1, led(undefined)).of(1, led(undefined, "pre-candidate")),
      "its leader has just stopped": (tale) =>
        calm(tale).of(1, led(2)).stop(2).of(1, led(undefined, "pre-candidate")),
      "its leader asks it to": (tale) =>
        calm(tale).of(1, led(2)).of(1, asked).of(1, led(undefined, "pre-candidate")),
    },
  },
  {
    make: () => new ElectionSafety(),
    fires: { "two lead in one term": (tale) => tale.role(1, "leader", 2).role(2, "leader", 2) },
    rests: { "one leads after the other": (tale) => tale.role(1, "leader", 2).role(2, "leader", 3) },
  },
  {
    make: () => new LeaderAppendOnly(),
    fires: {
      "a leader replaces its own entry": (tale) =>
        tale
          .role(1, "leader", 2)
          .saved(1, { entries: [entry(2, 2)] })
          .saved(1, { entries: [entry(2, 2, "x")] }),
    },
    rests: {
      "a follower replaces what another leader left": (tale) =>
        tale.saved(1, { entries: [entry(2, 2)] }).saved(1, { entries: [entry(2, 3, "x")] }),
    },
  },
  {
    make: () => new LogMatching(),
    fires: {
      "one id, two entries": (tale) =>
        tale.saved(1, { entries: [entry(2, 2, "x")] }).saved(2, { entries: [entry(2, 2, "y")] }),
      "one id, two histories": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2), entry(3, 3)] })
          .saved(2, { entries: [entry(2, 1), entry(3, 3)] }),
    },
    rests: {
      "two terms at one index": (tale) =>
        tale.saved(1, { entries: [entry(2, 2)] }).saved(2, { entries: [entry(2, 3)] }),
    },
  },
  {
    make: () => new LeaderCompleteness(),
    fires: {
      "a leader lacks what was committed": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .role(3, "leader", 3),
    },
    rests: {
      "a late leader of a term before that of the commit": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2), entry(3, 4)] })
          .commit(1, 3, 4)
          .role(3, "leader", 3),
    },
  },
  {
    make: () => new StateMachineSafety(),
    fires: {
      "another entry is committed at an index": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .saved(2, { entries: [entry(2, 3)] })
          .commit(2, 2, 3),
      "another entry is applied": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2, "x")] })
          .commit(1, 2, 2)
          .apply(1, entry(2, 2, "y")),
      "what nobody has committed is applied": (tale) =>
        tale.saved(1, { entries: [entry(2, 2)] }).apply(1, entry(2, 2)),
    },
    rests: {
      "the same entry from another's memory": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2, "x")] })
          .commit(1, 2, 2)
          .apply(1, entry(2, 2, "x")),
    },
  },
  {
    make: () => new CursorOrder(),
    fires: {
      "an entry is left out": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2), entry(3, 2)] })
          .commit(1, 3, 2)
          .apply(1, entry(3, 2)),
      "an entry is applied before it is committed": (tale) =>
        tale.saved(1, { entries: [entry(2, 2)] }).apply(1, entry(2, 2)),
      "more is committed than there is": (tale) => tale.saved(1, { entries: [entry(2, 2)] }).commit(1, 3, 2),
      "an older snapshot comes after a newer state": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .apply(1, entry(2, 2))
          .of(1, { kind: "restored", snapshot: { index: 1, term: 1 } }),
    },
    rests: {
      "a restart begins again at its snapshot": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .apply(1, entry(2, 2))
          .stop(1)
          .start(1, recovered([entry(2, 2)]), 2)
          .commit(1, 2, 2)
          .apply(1, entry(2, 2)),
    },
  },
  {
    make: () => new TermOrder(),
    fires: {
      "a term goes back": (tale) => tale.role(1, "follower", 3).role(1, "follower", 2),
      "a promise is forgotten by a restart": (tale) =>
        tale
          .send(granted(2, 1, 5))
          .stop(2)
          .start(2, recovered([], { term: 4 }), 2),
    },
    rests: {
      "an empty answer promises nothing": (tale) =>
        tale
          .send({ kind: "heartbeat-reply", from: 2, to: 1, term: 5, readRound: 0 })
          .stop(2)
          .start(2, recovered([], { term: 4 }), 2),
    },
  },
  {
    make: () => new SingleVote(),
    fires: {
      "two votes in a term": (tale) => tale.send(granted(3, 1, 2)).send(granted(3, 2, 2)),
      "a candidate votes for another": (tale) =>
        tale
          .send({ kind: "vote", from: 3, to: 1, term: 2, last: { index: 1, term: 1 }, transfer: false })
          .send(granted(3, 2, 2)),
    },
    rests: {
      "the same vote again": (tale) =>
        tale
          .send(granted(3, 1, 2))
          .send(granted(3, 1, 2))
          .send(granted(3, 2, 3)),
      "pre-votes for two": (tale) =>
        tale
          .send({ kind: "pre-vote-reply", from: 3, to: 1, term: 2, granted: true })
          .send({ kind: "pre-vote-reply", from: 3, to: 2, term: 2, granted: true }),
    },
  },
  {
    make: () => new DurableCommit(),
    fires: {
      "a follower's disk still writes": (tale) => {
        tale.saved(1, { entries: [entry(2, 2)] });
        tale.saving(2, { entries: [entry(2, 2)] });
        tale.commit(1, 2, 2);
      },
    },
    rests: {
      "the leader's own disk still writes": (tale) => {
        tale.saving(1, { entries: [entry(2, 2)] });
        tale.saved(2, { entries: [entry(2, 2)] }).saved(3, { entries: [entry(2, 2)] });
        tale.commit(1, 2, 2);
      },
      "a holder has crashed since": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .saved(2, { entries: [entry(2, 2)] })
          .stop(2)
          .commit(1, 2, 2),
    },
  },
  {
    make: () => new OwnTermCommit(),
    fires: {
      "an entry of an earlier term is counted (figure 8)": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .role(1, "leader", 4)
          .commit(1, 2, 4),
    },
    rests: {
      "it is committed by one of the leader's own": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2), entry(3, 4)] })
          .role(1, "leader", 4)
          .commit(1, 3, 4),
    },
  },
  {
    make: () => new SurvivingQuorum(),
    fires: {
      "a disk has lost what it held": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .saved(2, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .stop(2)
          .start(2, recovered([]), 2),
    },
    rests: {
      "a laggard restarts": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .saved(2, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .stop(3)
          .start(3, recovered([]), 2),
    },
  },
  {
    make: () => new MembershipSteps(),
    fires: {
      "a second change while one is not applied": (tale) =>
        tale
          .role(1, "leader", 2)
          .saved(1, { entries: [change(2, 2, { kind: "remove", member: 3 })] })
          .saved(1, { entries: [change(3, 2, { kind: "remove", member: 2 })] }),
      "a member sees others than were agreed on": (tale) =>
        tale
          .saved(1, { entries: [change(2, 2, { kind: "remove", member: 3 })] })
          .commit(1, 2, 2)
          .apply(1, change(2, 2, { kind: "remove", member: 3 }))
          .of(1, { kind: "membership", membership: tale.picture.memberships[0]!.membership }),
    },
    rests: {
      "one change after the other": (tale) =>
        tale
          .role(1, "leader", 2)
          .saved(1, { entries: [change(2, 2, { kind: "remove", member: 3 })] })
          .commit(1, 2, 2)
          .apply(1, change(2, 2, { kind: "remove", member: 3 }))
          .of(1, { kind: "membership", membership: tale.picture.membership })
          .saved(1, { entries: [change(3, 2, { kind: "add-learner", member: 4 })] }),
    },
  },
  {
    make: () => new FreshReads(),
    fires: {
      "a read misses what was committed before": (tale) =>
        tale
          .saved(1, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .of(3, { kind: "read-began", request: 1 })
          .of(3, { kind: "read-ended", request: 1, index: 1, isByLease: false }),
    },
    rests: {
      "what was committed meanwhile may be missing": (tale) =>
        tale
          .of(3, { kind: "read-began", request: 1 })
          .saved(1, { entries: [entry(2, 2)] })
          .commit(1, 2, 2)
          .of(3, { kind: "read-ended", request: 1, index: 1, isByLease: false }),
    },
  },
  {
    make: () => new ExclusiveLease(),
    fires: {
      "another leads already": (tale) =>
        tale
          .role(1, "leader", 2)
          .role(2, "leader", 3)
          .of(1, { kind: "read-ended", request: 1, index: 1, isByLease: true }),
    },
    rests: {
      "a round was asked for": (tale) =>
        tale
          .role(1, "leader", 2)
          .role(2, "leader", 3)
          .of(1, { kind: "read-ended", request: 1, index: 1, isByLease: false }),
    },
  },
  {
    make: () => new HarmlessPreVote(),
    fires: {
      "a pre-vote begins a term": (tale) =>
        tale.saving(1, { hardState: { term: 2, vote: undefined, commit: 1 } }, "pre-vote"),
    },
    rests: {
      "a vote does": (tale) => tale.saving(1, { hardState: { term: 2, vote: 2, commit: 1 } }, "vote"),
      "a commit index moved at the same time": (tale) =>
        tale.saving(1, { hardState: { term: 1, vote: undefined, commit: 2 } }, "pre-vote"),
    },
  },
  {
    make: () => new SavedBeforeSent(),
    fires: {
      "a vote leaves before it is saved": (tale) => {
        tale.saving(2, { hardState: { term: 2, vote: 1, commit: 1 } });
        tale.send(granted(2, 1, 2));
      },
      "an acknowledgement leaves before the entries are saved": (tale) => {
        tale.votes(2, 2, 1);
        tale.saving(2, { entries: [entry(2, 2)] });
        tale.send(accepted(2, 1, 2, 2));
      },
      "the disk holds another entry": (tale) => {
        tale
          .votes(2, 2, 1)
          .role(2, "follower", 2)
          .saved(2, { entries: [entry(2, 1)] });
        tale.saving(2, { entries: [entry(2, 2)] });
        tale.send(accepted(2, 1, 2, 2));
      },
    },
    rests: {
      "all is saved": (tale) =>
        tale
          .votes(2, 2, 1)
          .saved(2, { entries: [entry(2, 2)] })
          .send(granted(2, 1, 2))
          .send(accepted(2, 1, 2, 2)),
      "a late acknowledgement of an earlier term": (tale) => {
        tale
          .votes(2, 2, 1)
          .saved(2, { entries: [entry(2, 2)] })
          .votes(2, 3, undefined)
          .role(2, "follower", 3);
        tale.saving(2, { entries: [entry(2, 3)] });
        tale.send(accepted(2, 1, 2, 2));
      },
    },
  },
  {
    make: () => new RecoveredLog(),
    fires: {
      "an entry is lost": (tale) =>
        tale
          .saved(2, { entries: [entry(2, 2)] })
          .stop(2)
          .start(2, recovered([]), 2),
      "a vote is lost": (tale) =>
        tale
          .votes(2, 2, 1)
          .stop(2)
          .start(2, recovered([], { term: 2, vote: undefined }), 2),
      "half of a step is there": (tale) => {
        tale.saving(2, { entries: [entry(2, 2), entry(3, 2)] });
        tale.stop(2).start(2, recovered([entry(2, 2)]), 2);
      },
      "an entry comes from nowhere": (tale) => tale.stop(2).start(2, recovered([entry(2, 2)]), 2),
    },
    rests: {
      "a step under way was written all the same": (tale) => {
        tale.saving(2, { entries: [entry(2, 2), entry(3, 2)] });
        tale.stop(2).start(2, recovered([entry(2, 2), entry(3, 2)]), 2);
      },
      "a step under way was lost": (tale) => {
        tale.saving(2, { entries: [entry(2, 2)] });
        tale.stop(2).start(2, recovered([]), 2);
      },
    },
  },
  {
    make: () => new ShadowRecovery(),
    fires: {
      "a start would lose an entry": (tale) =>
        tale
          .saved(2, { entries: [entry(2, 2)] })
          .of(2, { kind: "shadow", cut: "lose-all", recovered: recovered([]), again: recovered([]) }),
      "a start would be refused": (tale) =>
        tale.of(2, {
          ...{ kind: "shadow", cut: "garbage" },
          recovered: { refused: "ERR_CORRUPT" },
          again: { refused: "ERR_CORRUPT" },
        }),
    },
    rests: {
      "it finds all": (tale) =>
        tale.saved(2, { entries: [entry(2, 2)] }).of(2, {
          ...{ kind: "shadow", cut: "garbage" },
          recovered: recovered([entry(2, 2)]),
          again: recovered([entry(2, 2)]),
        }),
    },
  },
  {
    make: () => new FailedDisk(),
    fires: {
      "a promise after a failure": (tale) =>
        tale.of(2, { kind: "save-failed", reason: "EIO" }).send(granted(2, 1, 2)),
    },
    rests: {
      "a promise of the next start": (tale) =>
        tale
          .of(2, { kind: "save-failed", reason: "EIO" })
          .stop(2)
          .start(2, recovered([]), 2)
          .send(granted(2, 1, 2)),
    },
  },
  {
    make: () => new ExplainedStop(),
    fires: { "a member stops for no reason": (tale) => tale.stop(2, "failed", "ERR_INTERNAL: it cannot be") },
    rests: {
      "its disk was made to refuse": (tale) =>
        tale
          .tell({
            kind: "action",
            at: 1,
            member: 2,
            action: { kind: "disk-error", at: 0, member: 1, operation: "sync", after: 0, downMs: 1 },
          })
          .stop(2, "failed", "ERR_DISK: sync failed"),
      "it was removed": (tale) => tale.stop(2, "failed", "ERR_MEMBERSHIP: n2 was removed"),
      "it was to start on a copy of a directory that has rotted": (tale) =>
        tale
          .tell({
            kind: "action",
            at: 1,
            member: 2,
            action: { kind: "clone", at: 0, member: 1, of: 0, forMs: 1 },
          })
          .stop(2, "failed", "ERR_CORRUPT: manifest is damaged"),
    },
  },
  {
    make: () => new MessageRate(),
    fires: {
      "a member sends without end": (tale) => {
        for (let count = 0; count < 20_001; count++) {
          tale.tell({ kind: "sent", at: 5, member: 1, message: accepted(1, 2, 1, 1), id: count });
        }
      },
    },
    rests: { "a member sends much": (tale) => tale.send(accepted(1, 2, 1, 1)) },
  },
  {
    make: () => new EqualStates(),
    fires: {
      "two states after one entry": (tale) =>
        tale.of(1, { kind: "state", index: 8, hash: 1 }).of(2, { kind: "state", index: 8, hash: 2 }),
    },
    rests: {
      "two states after two entries": (tale) =>
        tale.of(1, { kind: "state", index: 8, hash: 1 }).of(2, { kind: "state", index: 16, hash: 2 }),
    },
  },
  {
    make: () => new EqualResults(),
    fires: {
      "two results of one entry": (tale) => tale.execute(1, 2, 7, "yes").execute(2, 2, 7, "no"),
      "two times of one entry": (tale) => tale.execute(1, 2, 7, "yes", 1).execute(2, 2, 7, "yes", 2),
    },
    rests: {
      "the same again": (tale) => tale.execute(1, 2, 7, { a: 1, b: 2 }).execute(2, 2, 7, { b: 2, a: 1 }),
    },
  },
  {
    make: () => new SingleEffect(),
    fires: {
      "a call takes effect twice": (tale) => tale.call(7, 1).execute(1, 2, 7).execute(1, 3, 7),
      "a refused call takes effect": (tale) =>
        tale.call(7, 1).answer(7, 1, { is: "refused", reason: "busy" }).execute(1, 2, 7),
    },
    rests: {
      "a call of unknown outcome takes effect, on every member": (tale) =>
        tale.call(7, 1).answer(7, 1, { is: "unknown", reason: "late" }).execute(1, 2, 7).execute(2, 2, 7),
    },
  },
  {
    make: () => new RealTimeOrder(),
    fires: {
      "a later call is answered as of an earlier moment": (tale) =>
        tale
          .call(1, 1)
          .answer(1, 1, { is: "answered", output: null, index: 5 })
          .call(2, 2)
          .answer(2, 2, { is: "answered", output: null, index: 4 }),
    },
    rests: {
      "calls that overlap may be in any order": (tale) =>
        tale
          .call(1, 1)
          .call(2, 2)
          .answer(1, 1, { is: "answered", output: null, index: 5 })
          .answer(2, 2, { is: "answered", output: null, index: 4 }),
      "a stale read may be old": (tale) =>
        tale
          .call(1, 1)
          .answer(1, 1, { is: "answered", output: null, index: 5 })
          .call(2, 2, { query: null, consistency: "stale" })
          .answer(2, 2, { is: "answered", output: null, index: 4 }),
    },
  },
  {
    make: () =>
      new TrueAnswers<null, null>(
        () => {
          let count = 0;
          return { apply: () => ++count, query: () => count };
        },
        (input) => input as { command: null },
      ),
    fires: {
      "a write is answered as if another had not been": (tale) =>
        tale
          .call(1, 1, { command: null })
          .execute(1, 2, 1, 1)
          .execute(1, 3, 2, 1)
          .answer(1, 1, { is: "answered", output: 1, index: 3 })
          .tell({ kind: "ended", at: 9 }),
      "a read shows what came later": (tale) =>
        tale
          .call(1, 1, { query: null })
          .execute(1, 2, 0, 1)
          .execute(1, 3, 0, 2)
          .answer(1, 1, { is: "answered", output: 2, index: 2 })
          .tell({ kind: "ended", at: 9 }),
    },
    rests: {
      "each answer is of its place": (tale) =>
        tale
          .call(1, 1, { command: null })
          .call(2, 1, { query: null })
          .execute(1, 2, 1, 1)
          .execute(1, 3, 0, 2)
          .answer(1, 1, { is: "answered", output: 1, index: 2 })
          .answer(2, 1, { is: "answered", output: 2, index: 3 })
          .tell({ kind: "ended", at: 9 }),
    },
  },
];

const put = (revision: number) => ({ kind: "put", revision, previous: null }) as const;
const granted1 = { kind: "lease-grant", revision: 1, lease: "1", ttlMs: 1000 } as const;
const revoked = { kind: "lease-revoke", revision: 1, deleted: [] } as const;
const revoke = (renewedAt: number): Uint8Array =>
  encodeCommand({ kind: "lease-revoke", lease: "1", renewedAt });

/** Tells of a watch that tells these keys, each written in the revision beside it. */
function watched(revision: number, ...changes: readonly (readonly [string, number])[]): KvNote {
  const versions = changes.map(([key, modRevision]) => ({
    change: { key, value: "v", createRevision: modRevision, modRevision, sub: 0, version: 1, lease: "" },
    previous: null,
  }));
  return { kind: "watched", watch: 1, batch: { kind: "changes", changes: versions, revision } };
}

const began: KvNote = {
  ...{ kind: "watch-began", watch: 1, range: { from: "", to: null }, from: 1 },
  ...{ previous: false, without: null },
};
const note = (tale: Tale, ...notes: readonly KvNote[]): Tale => {
  for (const each of notes) tale.of(1, { kind: "noted", note: each });
  return tale;
};

const KV_CASES: readonly Case[] = [
  {
    make: () => new RevisionSteps(),
    fires: {
      "a put leaves the revision": (tale) => tale.execute(1, 2, 1, put(2)).execute(1, 3, 2, put(2)),
      "a put skips one": (tale) => tale.execute(1, 2, 1, put(2)).execute(1, 3, 2, put(4)),
      "a delete of nothing moves it": (tale) =>
        tale.execute(1, 2, 1, put(2)).execute(1, 3, 2, { kind: "delete", revision: 3, deleted: [] }),
    },
    rests: {
      "each put is a step": (tale) => tale.execute(1, 2, 1, put(2)).execute(1, 3, 2, put(3)),
      "a member executes what others did before": (tale) =>
        tale.execute(1, 2, 1, put(2)).execute(1, 3, 2, put(3)).execute(2, 2, 1, put(2)),
    },
  },
  {
    make: () => new FaithfulWatches(),
    fires: {
      "a revision is left out": (tale) => note(tale, began, watched(2, ["a", 2])),
      "a revision comes twice": (tale) => note(tale, began, watched(1, ["a", 1]), watched(1, ["a", 1])),
      "a revision comes in parts": (tale) =>
        note(tale, began, watched(1, ["a", 1]), watched(2, ["b", 1], ["c", 2])),
      "revisions come in disorder": (tale) => note(tale, began, watched(2, ["a", 2], ["b", 1])),
      "two watches tell different things": (tale) => {
        note(tale, began, watched(1, ["a", 1]));
        tale.of(2, { kind: "noted", note: began }).of(2, { kind: "noted", note: watched(1, ["b", 1]) });
      },
      "it ends though nothing was missed": (tale) =>
        note(tale, began, watched(1, ["a", 1]), {
          ...{ kind: "watched", watch: 1 },
          batch: { kind: "compacted", revision: 2, compactRevision: 1 },
        }),
    },
    rests: {
      "each revision comes once and whole": (tale) =>
        note(tale, began, watched(2, ["a", 1], ["b", 1], ["a", 2])),
      "it ends when it missed what was compacted": (tale) =>
        note(tale, began, watched(1, ["a", 1]), {
          ...{ kind: "watched", watch: 1 },
          batch: { kind: "compacted", revision: 2, compactRevision: 9 },
        }),
    },
  },
  {
    make: () => new PatientLeases(),
    fires: {
      "a lease is ended too early": (tale) =>
        tale.execute(1, 2, 1, granted1).pass(500).execute(1, 3, 0, revoked, 1, revoke(2)),
      "an old finding ends a renewed lease": (tale) =>
        tale
          .execute(1, 2, 1, granted1)
          .execute(1, 3, 1, { ...granted1 })
          .pass(5000)
          .execute(1, 4, 0, revoked, 1, revoke(2)),
    },
    rests: {
      "its time is over": (tale) =>
        tale.execute(1, 2, 1, granted1).pass(1000).execute(1, 3, 0, revoked, 1, revoke(2)),
    },
  },
];

hold([...CASES, ...KV_CASES]);

describe("the observer's picture", () => {
  it("takes a snapshot for the log that it replaces", () => {
    const tale = new Tale();
    tale
      .saved(1, { entries: [entry(2, 2)] })
      .commit(1, 2, 2)
      .saved(3, { snapshot: snapshotAt(2, 2) });
    expect(tale.picture.member(3).durable.chainAt(2)).toBe(tale.picture.canon.chainAt(2));
  });
});
