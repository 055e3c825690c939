import { describe, expect, it } from "vitest";
import { command, PureCluster } from "./pure-cluster.ts";

describe("handing over", () => {
  it("makes the target leader at once, past the patience of voters that still hear from the old one", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    expect(cluster.transfer(1, 3)).toBeUndefined();
    cluster.stabilize();
    expect(cluster.leader?.id).toBe(3);
  });

  it("can be asked for through a follower", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.transfer(2, 2);
    cluster.stabilize();
    expect(cluster.leader?.id).toBe(2);
  });

  it("waits until the target holds the whole log, and takes no proposals meanwhile", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.partition([3], [1, 2]);
    cluster.propose(1, "missed by 3");
    cluster.stabilize();
    cluster.transfer(1, 3);
    cluster.stabilize();
    expect(cluster.raft(1).propose(99, [command("too late")])).toEqual({ refused: "transferring" });
    cluster.heal();
    cluster.run(2);
    expect(cluster.leader?.id).toBe(3);
    expect(cluster.raft(3).log.committed).toBe(cluster.raft(3).log.lastIndex);
  });

  it("is given up after an election timeout", () => {
    const cluster = new PureCluster({ voters: [1, 2, 3] });
    cluster.elect(1);
    cluster.isolate(3);
    cluster.propose(1, "missed by 3");
    cluster.stabilize();
    cluster.transfer(1, 3);
    expect(cluster.raft(1).status().transferTo).toBe(3);
    cluster.run(11);
    expect(cluster.raft(1).status().transferTo).toBeUndefined();
    expect(cluster.raft(1).role).toBe("leader");
    expect(cluster.raft(1).propose(99, [command("goes on")])).toBeUndefined();
  });

  it("is refused for learners and strangers", () => {
    const cluster = new PureCluster({ voters: [1, 2], learners: [3] });
    cluster.elect(1);
    expect(cluster.transfer(1, 3)).toEqual({ refused: "learner" });
    expect(cluster.transfer(1, 8)).toEqual({ refused: "not-a-member" });
    expect(cluster.transfer(1, 1)).toBeUndefined();
  });
});
