import { afterEach, describe, expect, it } from "vitest";
import { crc32 } from "../../../src/base/checksum.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { pack } from "../../../src/base/codec.ts";
import { QuorateError } from "../../../src/base/errors.ts";
import type { Raft } from "../../../src/raft/raft.ts";
import { Checkpoints } from "../../../src/replica/apply/checkpoints.ts";
import { Counter } from "../counter.ts";
import { TestCluster, until } from "../test-cluster.ts";

/** A counter that sums up its state, over several steps. */
class SummedCounter extends Counter {
  beginHash(): () => number | undefined {
    const sum = crc32(new TextEncoder().encode(String(this.sum)));
    let left = 3;
    return () => {
      left -= 1;
      return left > 0 ? undefined : sum;
    };
  }
}

const LIMITS = { checkpointEntries: 20, snapshotEntries: 70, trailingEntries: 10 };

describe("members that compare their sums", () => {
  let cluster: TestCluster;
  afterEach(() => cluster.stopAll());

  const started = async (): Promise<void> => {
    cluster = new TestCluster(3, {}, LIMITS, () => new SummedCounter());
    await cluster.startAll();
  };
  const add = async (times: number): Promise<void> => {
    for (let at = 0; at < times; at++) await cluster.leader.propose({ add: 1 });
  };

  it("find nothing while all is well: over snapshots, restarts and a member that was sent a snapshot", async () => {
    await started();
    const errors: QuorateError[] = [];
    const watch = () => {
      for (const member of cluster.all) member.on("error", (error) => errors.push(error));
    };
    watch();
    const [name] = cluster.followers.map((member) => member.name);
    for (let round = 0; round < 3; round++) {
      await add(60);
      await cluster.stop(name!);
      await add(120);
      await cluster.start(name!);
      watch();
      await until(() => cluster.machines.get(name!)!.sum === 180 * (round + 1), "the member to catch up");
    }
    await add(60);
    expect(errors).toEqual([]);
    expect(cluster.all).toHaveLength(3);
  });

  it.each(["follower", "leader"] as const)(
    "stop a %s whose state has come apart, and go on without it",
    async (role) => {
      await started();
      await add(10);
      const wrong = role === "leader" ? cluster.leader : cluster.followers[0]!;
      const failures: QuorateError[] = [];
      wrong.on("error", (error) => failures.push(error));
      const told: number[] = [];
      for (const member of cluster.all) member.on("diverged", (id) => told.push(id));
      cluster.machines.get(wrong.name)!.sum += 1_000_000;
      const others = cluster.all.filter((member) => member !== wrong);
      await until(() => {
        for (const member of others) void member.propose({ add: 0 }).catch(() => {});
        return failures.length > 0;
      }, "the wrong one to stop");
      const [stopped] = failures;
      expect(QuorateError.is(stopped, "ERR_DIVERGED") && stopped.details).toMatchObject({ what: "state" });
      const [other] = others;
      expect(await other!.propose({ add: 1 }), "the others know nothing of the wrong sum").toBe(11);
      expect(others.map((member) => member.status().state)).toEqual(["open", "open"]);
      await until(() => told.length >= 2, "both others to be told of the wrong one");
      expect(new Set(told)).toEqual(new Set([wrong.status().id]));
    },
  );
});

describe("a checkpoint", () => {
  const packed = (member: number, index: number, log: number) => pack([member, index, log, null]);
  const VOTERS = [1, 2, 3];
  const VOTED = { id: 1, clock: systemClock, everyEntries: 2, electionTicks: 1, beginHash: () => undefined };
  const entryOf = (index: number, text: string) =>
    ({ index, term: 1, kind: "command", data: new TextEncoder().encode(text) }) as const;
  const sumAfter = (texts: readonly string[]): number => {
    const checkpoints = new Checkpoints({ ...VOTED, onDiverged() {} });
    for (const [at, text] of texts.entries()) checkpoints.take(entryOf(at + 1, text));
    return checkpoints.log;
  };
  /** What member 1 does with reports of the log's sum at entry 2, in their order. */
  const verdict = (reports: readonly (readonly [member: number, log: number])[]) => {
    const errors: QuorateError<"ERR_DIVERGED">[] = [];
    const checkpoints = new Checkpoints({ ...VOTED, onDiverged: (error) => errors.push(error) });
    checkpoints.take(entryOf(1, "a"));
    checkpoints.take(entryOf(2, "b"));
    checkpoints.reached(2, VOTERS);
    for (const [member, log] of reports) checkpoints.reported(packed(member, 2, log), VOTERS);
    checkpoints.tick({ leader: undefined } as Raft);
    return errors.map(({ details }) => details.majority);
  };
  const right = sumAfter(["a", "b"]);
  const wrong = sumAfter(["a", "c"]);

  it("lets the state before be summed up to its end, lest it were pinned for ever", () => {
    const waiting: (() => void)[] = [];
    const clock = {
      ...systemClock,
      after: (_ms: number, run: () => void) => ({ cancel: waiting.push(run) }),
    };
    let begun = 0;
    let ended = 0;
    const beginHash = () => {
      begun += 1;
      let steps = 3;
      return () => (--steps > 0 ? undefined : ++ended);
    };
    const checkpoints = new Checkpoints({
      ...VOTED,
      clock: clock as unknown as typeof systemClock,
      beginHash,
      onDiverged() {},
    });
    for (const index of [2, 4, 6]) checkpoints.reached(index, VOTERS);
    while (waiting.length > 0) waiting.shift()!();
    checkpoints.reached(8, VOTERS);
    while (waiting.length > 0) waiting.shift()!();
    expect([begun, ended]).toEqual([2, 2]);
  });

  it("sums up every byte, place and term of the log", () => {
    const sums = [["a", "b"], ["b", "a"], ["a", "c"], ["a"], ["a", "b", ""], ["", "ab"]].map(sumAfter);
    expect(new Set(sums).size).toBe(sums.length);
  });

  it.each([
    [
      "agrees with a majority",
      [
        [1, right],
        [2, right],
        [3, wrong],
      ],
      [],
    ],
    [
      "waits as long as a majority may still agree with it",
      [
        [1, right],
        [2, wrong],
      ],
      [],
    ],
    [
      "stops when a majority says otherwise",
      [
        [2, wrong],
        [3, wrong],
      ],
      [wrong],
    ],
    [
      "stops when no majority says the same",
      [
        [1, right],
        [2, wrong],
        [3, wrong + 1],
      ],
      [undefined],
    ],
    [
      "does not count learners and strangers",
      [
        [4, wrong],
        [5, wrong],
        [1, right],
      ],
      [],
    ],
  ] as const)("%s", (_what, reports, majorities) => {
    expect(verdict(reports)).toEqual(majorities);
  });

  it("tells the others of its own sum before it stops, if it can", () => {
    const errors: QuorateError[] = [];
    const checkpoints = new Checkpoints({
      ...VOTED,
      electionTicks: 5,
      onDiverged: (error) => errors.push(error),
    });
    checkpoints.take(entryOf(1, "a"));
    checkpoints.take(entryOf(2, "b"));
    checkpoints.reached(2, VOTERS);
    for (const member of [2, 3]) checkpoints.reported(packed(member, 2, wrong), VOTERS);
    expect(errors).toHaveLength(0);
    checkpoints.reported(packed(1, 2, right), VOTERS);
    expect(errors).toHaveLength(1);
  });

  it("names whoever came apart once for each checkpoint, if the others agree", () => {
    const told: number[] = [];
    const checkpoints = new Checkpoints({
      ...VOTED,
      onDiverged() {},
      onOtherDiverged: (member, index) => told.push(member, index),
    });
    checkpoints.take(entryOf(1, "a"));
    checkpoints.take(entryOf(2, "b"));
    checkpoints.reached(2, VOTERS);
    for (const [member, log] of [
      [3, wrong],
      [1, right],
      [2, right],
      [2, right],
    ] as const)
      checkpoints.reported(packed(member, 2, log), VOTERS);
    expect(told).toEqual([3, 2]);
  });

  it("takes no notice of bytes that are no report", () => {
    const checkpoints = new Checkpoints({
      ...VOTED,
      onDiverged: () => {
        throw new Error("no");
      },
    });
    for (const bytes of [[], [1], [0xc1], [0x94, 1, 2, 3, 0xc0], [0x94, 0xc0, 2, 3, 4]])
      checkpoints.reported(Uint8Array.from(bytes), VOTERS);
  });

  it("remembers a bounded number of places", () => {
    const checkpoints = new Checkpoints({ ...VOTED, onDiverged() {} });
    for (let index = 2; index < 20_000; index += 2) checkpoints.reported(packed(2, index, 5), VOTERS);
    expect(checkpoints.places).toBeLessThanOrEqual(4);
  });
});
