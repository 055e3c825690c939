import type { Message } from "../../../src/raft/message.ts";
import { DeafToStrangers } from "../../../src/testkit/invariants/member/deaf-to-strangers.ts";
import { FaithfulSnapshots } from "../../../src/testkit/invariants/member/faithful-snapshots.ts";
import { RebuiltStates } from "../../../src/testkit/invariants/member/rebuilt-states.ts";
import { RepeatedRecovery } from "../../../src/testkit/invariants/member/repeated-recovery.ts";
import { SingleProcess } from "../../../src/testkit/invariants/member/single-process.ts";
import { ContainedDamage } from "../../../src/testkit/invariants/raft/contained-damage.ts";
import { VotesOfMembers } from "../../../src/testkit/invariants/raft/votes-of-members.ts";
import { hold } from "./cases.ts";
import { entry, recovered, type Tale, THREE } from "./tale.ts";

const state = (index: number, view: unknown, hash = 1) => ({ kind: "state", index, hash, view }) as const;
const restored = (index: number) => ({ kind: "restored", snapshot: { index, term: 1 } }) as const;
const voted = (from: number, to: number, granted = true) =>
  ({ kind: "vote-reply", from, to, term: 2, granted }) as const;
const heartbeat: Message = { kind: "heartbeat", from: 1, to: 2, term: 2, commit: 1, readRound: 0 };
const rotten = (tale: Tale) =>
  tale
    .saved(2, { entries: [entry(2, 1, "x")] })
    .commit(2, 2, 1)
    .tell({
      ...{ kind: "action", at: 1, member: 2 },
      action: { kind: "rot", at: 1, member: 1, place: 0, downMs: 1 },
    })
    .stop(2);
const append = (text: string): Message => ({
  ...({ kind: "append", from: 2, to: 1, term: 2, commit: 1 } as const),
  ...{ previous: { index: 1, term: 1 }, entries: [entry(2, 1, text)] },
});

hold([
  {
    make: () => new DeafToStrangers(),
    fires: {
      "a stranger raises the term": (tale) =>
        tale.of(1, { kind: "stranger-heard", before: { term: 1 }, after: { term: 2 } }),
    },
    rests: {
      "nothing comes of it": (tale) =>
        tale.of(1, { kind: "stranger-heard", before: { term: 1 }, after: { term: 1 } }),
    },
  },
  {
    make: () => new VotesOfMembers(),
    fires: {
      "the second vote is of somebody who is no voter": (tale) =>
        tale.send(voted(4, 1)).role(1, "leader", 2).send(heartbeat),
      "a vote was for another": (tale) => tale.send(voted(2, 3)).role(1, "leader", 2).send(heartbeat),
      "a vote was refused": (tale) =>
        tale
          .send(voted(2, 1, false))
          .role(1, "leader", 2)
          .send(heartbeat),
      "one half of a joint configuration has not voted": (tale) =>
        tale
          .of(1, { kind: "membership", membership: { ...THREE, outgoing: [1, 4, 5] } })
          .send(voted(2, 1))
          .role(1, "leader", 2)
          .send(heartbeat),
    },
    rests: {
      "the change that leaves it alone is told right after it": (tale) => {
        tale.role(1, "leader", 2);
        const membership = { ...THREE, voters: [1] };
        tale.tell({ kind: "membership", at: tale.picture.now, member: 1, membership }).send(heartbeat);
      },
      "a snapshot has told who votes": (tale) => {
        const snapshot = { index: 5, term: 1, membership: { ...THREE, voters: [1] } };
        tale.saved(1, { snapshot }).role(1, "leader", 2).send(heartbeat);
      },
      "one of two others has voted": (tale) => tale.send(voted(2, 1)).role(1, "leader", 2),
      "both halves of a joint configuration have voted": (tale) =>
        tale
          .of(1, { kind: "membership", membership: { ...THREE, outgoing: [1, 4, 5] } })
          .send(voted(2, 1))
          .send(voted(4, 1))
          .role(1, "leader", 2),
    },
  },
  {
    make: () => new ContainedDamage(),
    fires: {
      "a damaged disk gives another entry back": (tale) =>
        rotten(tale).start(2, recovered([entry(2, 1, "y")]), 2),
      "another entry is sent on": (tale) => rotten(tale).start(2, recovered([]), 2).send(append("y")),
    },
    rests: {
      "it gives back what it held": (tale) =>
        rotten(tale)
          .start(2, recovered([entry(2, 1, "x")]), 2)
          .send(append("x")),
      "it refuses": (tale) => rotten(tale).stop(2, "failed", "ERR_CORRUPT"),
      "what was garbled was not agreed on": (tale) => rotten(tale).start(2, recovered([entry(2, 9, "y")]), 2),
    },
  },
  {
    make: () => new SingleProcess(),
    fires: {
      "a directory in use is opened": (tale) => tale.of(1, { kind: "second-opening", refused: undefined }),
      "it is refused for another reason": (tale) =>
        tale.of(1, { kind: "second-opening", refused: "ERR_CORRUPT: half of a frame" }),
    },
    rests: {
      "it is refused as one in use": (tale) =>
        tale.of(1, { kind: "second-opening", refused: "ERR_LOCKED: the directory is in use" }),
    },
  },
  {
    make: () => new RepeatedRecovery(),
    fires: {
      "a second start finds less": (tale) =>
        tale.of(1, {
          ...{ kind: "shadow", cut: "lose-all" },
          recovered: recovered([entry(2, 1)]),
          again: recovered([]),
        }),
      "a second start is refused": (tale) =>
        tale.of(1, {
          ...{ kind: "shadow", cut: "lose-all" },
          recovered: recovered([]),
          again: { refused: "ERR_CORRUPT: a hole" },
        }),
    },
    rests: {
      "it finds the same": (tale) =>
        tale.of(1, {
          ...{ kind: "shadow", cut: "lose-all" },
          recovered: recovered([entry(2, 1)]),
          again: recovered([entry(2, 1)]),
        }),
      "the first one was refused, which is another promise": (tale) =>
        tale.of(1, {
          ...{ kind: "shadow", cut: "lose-all" },
          recovered: { refused: "ERR_CORRUPT: a hole" },
          again: recovered([]),
        }),
    },
  },
  {
    make: () => new FaithfulSnapshots(),
    fires: {
      "what is shown is another, though its snapshot would be the same": (tale) =>
        tale.of(1, state(8, "left")).of(2, restored(8)).of(2, state(8, "right")),
      "its snapshot is another": (tale) =>
        tale
          .of(1, state(8, "left", 1))
          .of(2, restored(8))
          .of(2, state(8, "left", 2)),
    },
    rests: {
      "it is the same": (tale) =>
        tale
          .of(1, state(8, { a: 1, b: 2 }))
          .of(2, restored(8))
          .of(2, state(8, { b: 2, a: 1 })),
      "it is the state of another entry": (tale) =>
        tale.of(1, state(8, "left")).of(2, restored(9)).of(2, state(9, "right")),
    },
  },
  {
    make: () => new RebuiltStates(),
    fires: {
      "the log on the disk leads to another state": (tale) =>
        tale
          .of(1, state(3, "left"))
          .stop(1)
          .start(1, recovered([entry(2, 1), entry(3, 1)]), 2)
          .of(1, state(3, "right")),
    },
    rests: {
      "it leads to the same": (tale) =>
        tale
          .of(1, state(3, "left"))
          .stop(1)
          .start(1, recovered([entry(2, 1), entry(3, 1)]), 2)
          .of(1, state(3, "left")),
      "what differs was applied later, which is another promise": (tale) =>
        tale
          .of(1, state(4, "left"))
          .stop(1)
          .start(1, recovered([entry(2, 1), entry(3, 1)]), 2)
          .of(1, state(4, "right")),
    },
  },
]);
