import { describe, expect, it } from "vitest";
import type { RaftOptions } from "../../../src/raft/options.ts";
import { OneMember } from "../one-member.ts";
import { accepted, append, at, heartbeatReply, only, PROFILES, snapshot, textsOf } from "../paper-steps.ts";
import { PureCluster } from "../pure-cluster.ts";

describe.each(PROFILES)("Raft's snapshots %s", (_name, options) => {
  it("each server compacts its own log, by itself, up to what it has applied (7)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    for (const text of ["a", "b"]) cluster.propose(1, text);
    cluster.stabilize();
    cluster.run(2);
    cluster.snapshot(2);
    expect(cluster.raft(2).log.firstIndex).toBe(5);
    expect(cluster.raft(1).log.firstIndex).toBeLessThan(5);
    cluster.propose(1, "c");
    cluster.stabilize();
    expect(cluster.raft(2).log.last).toEqual(at(5, 2));
  });

  it("a compacted log still knows the id of the last entry it gave up, for the next append (7)", () => {
    const member = new OneMember({ log: [1, 1, 1], commit: 3, options });
    member.tick(1);
    member.compact();
    expect(member.raft.log.firstIndex).toBe(4);
    expect(member.hear(append(2, 2, at(3, 1), [2]))).toMatchObject([{ kind: "append-accepted", matched: 4 }]);
  });

  it("a leader sends its snapshot to a follower that needs what is compacted away (7)", () => {
    const member = compacted(options);
    const sent = member.hear(heartbeatReply(2, 2));
    expect(sent).toEqual([{ kind: "snapshot", from: 1, to: 2, term: 2, snapshot: member.snapshot }]);
    expect(member.snapshot).toMatchObject({ index: 4, term: 2, membership: { voters: [1, 2, 3] } });
  });

  it("while a snapshot is under way the follower is sent no entries (7)", () => {
    const member = compacted(options);
    member.hear(heartbeatReply(2, 2));
    expect(only("append", member.propose("b")).map(({ to }) => to)).toEqual([3]);
    expect(only("append", member.hear(heartbeatReply(2, 2)))).toEqual([]);
  });

  it("after a snapshot the leader goes on with the entries that follow it (7)", () => {
    const member = compacted(options);
    member.hear(heartbeatReply(2, 2));
    member.propose("b");
    const sent = only("append", member.hear(accepted(2, 2, 4)));
    expect(sent[0]).toMatchObject({ to: 2, previous: at(4, 2), entries: [at(5, 2)] });
    expect(member.peer(2)).toMatchObject({ state: "replicate", matched: 4 });
  });

  it("a follower replaces its whole log by a snapshot that it does not hold (7)", () => {
    const member = new OneMember({ log: [1, 1, 1], options });
    expect(member.hear(snapshot(2, 3, at(9, 2), { voters: [1, 2, 3, 4] }))).toMatchObject([
      { kind: "append-accepted", to: 2, matched: 9 },
    ]);
    expect(member.terms).toEqual([]);
    expect(member.raft.status()).toMatchObject({ last: at(9, 2), committed: 9, applied: 9, leader: 2 });
    expect(member.raft.membership.voters).toEqual([1, 2, 3, 4]);
    expect(member.saves.at(-1)).toMatchObject({ mustSync: true, snapshot: at(9, 2) });
  });

  it("a follower with a conflicting log replaces it too, even when it is longer (7)", () => {
    const member = new OneMember({ log: [1, 1, 1, 1, 1], options });
    member.hear(snapshot(2, 3, at(3, 2)));
    expect(member.raft.log.last).toEqual(at(3, 2));
  });

  it("a follower that holds the snapshot's last entry keeps its log and what follows (7)", () => {
    const member = new OneMember({ log: [1, 1, 1, 2], options });
    member.hear(snapshot(2, 3, at(3, 1)));
    expect(member.terms).toEqual([1, 1, 1, 2]);
    expect(member.raft.log.committed).toBe(3);
    expect(textsOf(member.applied)).toEqual(["2@1", "3@1"]);
    expect(member.saves.filter((save) => save.snapshot !== undefined)).toEqual([]);
  });

  it("a follower takes no snapshot that is older than what it knows to be committed (7)", () => {
    const member = new OneMember({ log: [1, 1, 1, 1], commit: 3, options });
    expect(member.hear(snapshot(2, 2, at(2, 1)))).toMatchObject([{ kind: "append-accepted", matched: 3 }]);
    expect(member.terms).toEqual([1, 1, 1, 1]);
  });

  it("a snapshot that arrives late, after the log was compacted further, changes nothing (7)", () => {
    const member = new OneMember({ log: [1, 1, 1, 1], commit: 4, options });
    member.tick(1);
    member.compact();
    expect(member.hear(snapshot(2, 2, at(2, 1)))).toMatchObject([{ kind: "append-accepted", matched: 4 }]);
    expect(member.raft.log).toMatchObject({ firstIndex: 5, applied: 4 });
  });

  it("a snapshot of an older term is not taken (7, figure 13)", () => {
    const member = new OneMember({ term: 5, options });
    member.hear(snapshot(2, 4, at(9, 4)));
    expect(member.raft.log.last).toEqual(at(1, 1));
  });

  it("a snapshot is acknowledged only once it would survive a power cut (7, figure 2)", () => {
    const member = new OneMember({ slowDisk: true, options });
    expect(member.hear(snapshot(2, 2, at(9, 2)))).toEqual([]);
    expect(member.finishAllSaves()).toMatchObject([{ kind: "append-accepted", matched: 9 }]);
  });

  it("after a snapshot the state machine is given what follows it, and nothing before (7)", () => {
    const member = new OneMember({ options });
    member.hear(append(2, 2, at(1, 1), [2, 2]), snapshot(2, 2, at(9, 2)), append(2, 2, at(9, 2), [2], 10));
    expect(textsOf(member.applied)).toEqual(["10@2"]);
  });

  it("a snapshot under way counts as news of the leader (7)", () => {
    const member = new OneMember({ options });
    member.tick(8);
    member.hear(snapshot(2, 2, at(9, 2)));
    expect(member.raft.status()).toMatchObject({ electionElapsed: 0, leader: 2 });
  });

  it("a follower that is far behind catches up by snapshot and log (7)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.elect(1);
    cluster.isolate(3);
    for (let count = 0; count < 30; count++) cluster.propose(1, `entry ${count}`);
    cluster.stabilize();
    cluster.snapshot(1, 3);
    cluster.heal();
    cluster.run(10);
    expect(cluster.raft(3).log.applied).toBe(32);
    expect(cluster.raft(3).log.base.index).toBe(32);
  });
});

/** A leader that has compacted away all up to entry 4, while follower 2 was silent. */
function compacted(options: Partial<RaftOptions>): OneMember {
  const member = new OneMember({ options });
  member.lead();
  member.propose("a", "b");
  member.hear(accepted(3, 2, 4));
  member.compact();
  return member;
}
