import { describe, expect, it } from "vitest";
import { OneMember } from "../one-member.ts";
import { append, at, heartbeat, preVote, snapshot, textsOf, vote } from "../paper-steps.ts";

// What other implementations got wrong, numbered as in our notes on them: 22 to 27. Where a part does not apply:
//
// | 25 | the file of a snapshot is durable before the record that names it | storage floor; one `Save` holds both here |

describe("pitfalls of durability", () => {
  it.each([
    ["a vote", vote(2, 3, at(9, 2))],
    ["a refused vote", vote(2, 3, at(0, 0))],
    ["a promise of a vote", preVote(2, 3, at(9, 2))],
    ["an acknowledgement", append(2, 3, at(1, 1), [3])],
    ["a refusal of entries", append(2, 3, at(9, 2), [3])],
    ["news of the newer term", append(2, 1, at(1, 1), [])],
  ])("pitfall 22: %s leaves only when all that it rests on is on the disk (etcd#14143)", (_what, message) => {
    const member = new OneMember({ term: 2, slowDisk: true, options: { commitNews: false } });
    expect(member.hear(message)).toEqual([]);
    expect(member.waiting).toHaveLength(1);
    expect(member.finishSave()).toHaveLength(1);
  });

  it("pitfall 22: a power cut takes back the promises that were not made yet (etcd#14143)", () => {
    const before = new OneMember({ slowDisk: true });
    expect(before.hear(vote(2, 2, at(1, 1)))).toEqual([]);
    const member = before.restarted();
    expect(member.hear(vote(3, 2, at(1, 1)))).toMatchObject([{ kind: "vote-reply", to: 3, granted: true }]);
  });

  it("pitfall 23: the end of an older write does not mark entries saved that replaced its own (etcd-io/raft)", () => {
    const member = new OneMember({ slowDisk: true });
    member.hear(append(2, 2, at(1, 1), [2, 2]));
    member.hear(append(3, 3, at(1, 1), [3, 3]));
    member.finishSave();
    expect(member.raft.log.saved).toBe(1);
    expect(member.finishSave()).toMatchObject([{ kind: "append-accepted", to: 3, term: 3, matched: 3 }]);
    expect(member.raft.log.saved).toBe(3);
  });

  it("pitfall 23: nor when a third leader has put the same entries back (A-B-A)", () => {
    const member = new OneMember({ slowDisk: true });
    member.hear(append(2, 2, at(1, 1), [2]));
    member.hear(append(3, 3, at(1, 1), [3]));
    member.hear(append(2, 4, at(1, 1), [2], 2));
    member.finishSave();
    expect(member.raft.log.saved).toBe(1);
    member.finishSave();
    expect(member.raft.log.saved).toBe(1);
    expect(member.applied).toEqual([]);
    member.finishSave();
    expect(member.raft.log.saved).toBe(2);
    expect(textsOf(member.applied)).toEqual(["2@2"]);
  });

  it("pitfall 23: a save of the term alone tells too that the log's end is saved (etcd-io/raft)", () => {
    const member = new OneMember({ slowDisk: true });
    member.hear(append(2, 2, at(1, 1), [2]));
    member.hear(heartbeat(3, 3));
    member.finishSave();
    expect(member.raft.log.saved).toBe(1);
    member.finishSave();
    expect(member.raft.log.saved).toBe(2);
  });

  it("pitfall 24: what is committed is applied only once the own disk holds it, though commit goes on", () => {
    const member = new OneMember({ slowDisk: true });
    member.hear(append(2, 2, at(1, 1), [2, 2], 3));
    expect(member.raft.log.committed).toBe(3);
    expect(member.applied).toEqual([]);
    member.finishAllSaves();
    expect(textsOf(member.applied)).toEqual(["2@2", "3@2"]);
  });

  it("pitfall 25: after any number of saves a member can start: no save gets ahead of another (etcd#5664)", () => {
    const member = new OneMember({ slowDisk: true });
    member.hear(append(2, 2, at(1, 1), [2, 2], 3));
    member.hear(append(3, 3, at(3, 2), [3, 3, 3], 4));
    member.hear(append(2, 4, at(4, 3), [4], 5));
    member.hear(snapshot(2, 4, at(9, 4)), append(2, 4, at(9, 4), [4], 10));
    for (;;) {
      const restarted = member.restarted();
      expect(restarted.raft.failure).toBeUndefined();
      expect(restarted.raft.log.committed).toBeLessThanOrEqual(restarted.last.index);
      if (member.waiting.length === 0) break;
      member.finishSave();
    }
    expect(member.restarted().last).toEqual(at(10, 4));
  });

  it("pitfall 25: entries and the commit index that reaches them are one step for the disk", () => {
    const member = new OneMember({ slowDisk: true });
    member.hear(append(2, 2, at(1, 1), [2], 2));
    expect(member.waiting).toMatchObject([{ hardState: { term: 2, commit: 2 }, entries: [at(2, 2)] }]);
  });

  it("pitfall 25: a state whose commit index lies beyond its log is no state to start from", () => {
    expect(() => new OneMember({ log: [1, 1], commit: 3 })).toThrow(
      expect.objectContaining({ code: "ERR_INVALID_ARGUMENT" }),
    );
  });

  it("pitfall 26: a snapshot must be synced, a commit index alone need not be", () => {
    const member = new OneMember({ log: [1, 1], term: 2, slowDisk: true });
    member.hear(heartbeat(2, 2, 2));
    expect(member.waiting.at(-1)).toMatchObject({ mustSync: false, hardState: { commit: 2 } });
    expect(member.hear(snapshot(2, 2, at(9, 2)))).toEqual([]);
    expect(member.waiting.at(-1)).toMatchObject({ mustSync: true, snapshot: at(9, 2) });
    expect(member.finishAllSaves()).toMatchObject([{ kind: "append-accepted", matched: 9 }]);
  });

  it("pitfall 27: a member whose disk lost what it acknowledged fails alone, without throwing (etcd#10166)", () => {
    const member = new OneMember({ mayFail: true });
    const refusal = member.refusalOf(heartbeat(2, 2, 9));
    expect(refusal).toMatchObject({ refused: "failed" });
    expect(member.raft.failure?.cause).toMatchObject({
      code: "ERR_LOG_LOST",
      details: { acknowledged: 9, last: 1 },
    });
    expect(member.raft.failure?.dump).toMatchObject({ status: { last: at(1, 1), term: 2 } });
    expect(member.tick(100)).toEqual([]);
    expect(member.refusalOfProposal()).toMatchObject({ refused: "failed" });
  });
});
