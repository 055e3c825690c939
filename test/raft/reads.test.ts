import { describe, expect, it } from "vitest";
import { PureCluster } from "./pure-cluster.ts";

function leadBy1(options = {}, learners: readonly number[] = []): PureCluster {
  const cluster = new PureCluster({ voters: [1, 2, 3], learners, options });
  cluster.elect(1);
  return cluster;
}

const kinds = (cluster: PureCluster): string[] => cluster.network.map(({ kind }) => kind);

describe("a linearizable read", () => {
  it("waits until a majority has confirmed the leader (thesis, 6.4)", () => {
    const cluster = leadBy1();
    const { outcomes, raft } = cluster.member(1);
    const request = cluster.read(1);
    expect(outcomes.has(request)).toBe(false);
    cluster.stabilize();
    expect(outcomes.get(request)).toBe(raft.log.committed);
  });

  it("is answered at once where the leader is the only voter", () => {
    const cluster = new PureCluster({ voters: [1] });
    cluster.elect(1);
    const request = cluster.read(1);
    expect(cluster.member(1).outcomes.get(request)).toBe(2);
  });

  it("is never answered by a leader that was replaced, but refused", () => {
    const cluster = leadBy1();
    cluster.isolate(1);
    const request = cluster.read(1);
    cluster.run(40);
    expect(cluster.leader?.id).not.toBe(1);
    expect(cluster.member(1).outcomes.get(request)).toEqual({ refused: "superseded" });
  });

  it("shares a round with all that came before it began, and needs the next one after that", () => {
    const cluster = leadBy1();
    const { outcomes } = cluster.member(1);
    const first = cluster.read(1);
    const late = [cluster.read(1), cluster.read(1)];
    expect(kinds(cluster)).toEqual(["heartbeat", "heartbeat"]); // One round is under way, the others gather.
    cluster.deliver();
    cluster.drop(0);
    cluster.deliver();
    expect(outcomes.has(first)).toBe(true);
    expect(late.some((request) => outcomes.has(request))).toBe(false);
    expect(kinds(cluster)).toEqual(["heartbeat", "heartbeat"]);
    cluster.stabilize();
    for (const request of late) expect(outcomes.get(request)).toBe(2);
  });

  it("is not confirmed by answers to an earlier round", () => {
    const cluster = leadBy1();
    const { outcomes } = cluster.member(1);
    cluster.read(1);
    cluster.deliver();
    const reply = cluster.network.find(({ kind }) => kind === "heartbeat-reply")!;
    cluster.stabilize();
    const request = cluster.read(1);
    cluster.network = [reply, { ...reply, from: 3 }];
    cluster.stabilize();
    expect(outcomes.has(request)).toBe(false);
    cluster.run(1);
    expect(outcomes.get(request)).toBe(2);
  });

  it("waits for the first commit of the term: before it the leader may not know what is committed (etcd-io/etcd 7331)", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], slowDisks: true, options: { preVote: false } });
    cluster.campaign(1);
    while (cluster.raft(1).role !== "leader") {
      for (const id of [1, 2, 3]) cluster.save(id);
      cluster.deliver();
    }
    const request = cluster.read(1);
    expect(cluster.network.some(({ kind }) => kind === "heartbeat")).toBe(false);
    cluster.stabilize();
    expect(cluster.member(1).outcomes.get(request)).toBe(2);
  });

  it("can be made on followers and learners, who ask the leader once for all reads of a turn", () => {
    const cluster = leadBy1({}, [4]);
    const requests = [2, 4].map((id) => ({ id, request: cluster.read(id) }));
    cluster.stabilize();
    for (const { id, request } of requests) expect(cluster.member(id).outcomes.get(request)).toBe(2);
  });

  it("is asked for again when the question or the answer gets lost", () => {
    const cluster = leadBy1();
    const request = cluster.read(2);
    cluster.network = [];
    cluster.run(2);
    expect(cluster.member(2).outcomes.get(request)).toBe(2);
  });

  it("is refused where nobody leads, and when too many wait", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3], options: { readsMax: 2 } });
    const early = cluster.read(2);
    expect(cluster.member(2).outcomes.get(early)).toEqual({ refused: "no-leader" });
    cluster.elect(1);
    cluster.isolate(1);
    const requests = [1, 2, 3].map(() => cluster.read(1));
    expect(requests.map((request) => cluster.member(1).outcomes.get(request))).toEqual([
      undefined,
      undefined,
      { refused: "too-many-reads" },
    ]);
  });
});

describe("a read by lease", () => {
  const options = { leaseReads: true };

  function leadByLease(): PureCluster {
    const cluster = new PureCluster({ voters: [1, 2, 3], options });
    cluster.run(10); // Who has just started ignores candidates: it may have promised a lease before.
    cluster.raft(1).campaign();
    cluster.run(15);
    return cluster;
  }

  it("is answered without asking anyone while a majority has answered lately", () => {
    const cluster = leadByLease();
    const { id, outcomes } = cluster.leader!;
    const request = cluster.read(id);
    expect(outcomes.get(request)).toBe(2);
    expect(cluster.network).toEqual([]);
  });

  it("needs a round again before any other member can be elected", () => {
    const cluster = leadByLease();
    const { id, outcomes, raft } = cluster.leader!;
    cluster.isolate(id);
    cluster.run(9);
    expect(raft.role).toBe("leader");
    const request = cluster.read(id);
    expect(outcomes.has(request)).toBe(false);
  });

  it("is over once the leader has asked another to stand", () => {
    const cluster = leadByLease();
    const { id, outcomes } = cluster.leader!;
    cluster.transfer(id, id === 1 ? 2 : 1);
    const request = cluster.read(id);
    expect(outcomes.has(request)).toBe(false);
  });

  it("forbids followers to forget the leader, and to stand while they hear it", () => {
    const cluster = leadByLease();
    const follower = cluster.leader!.id === 1 ? 2 : 1;
    expect(cluster.raft(follower).forgetLeader()).toEqual({ refused: "lease" });
    expect(cluster.campaign(follower)).toEqual({ refused: "lease" });
  });
});
