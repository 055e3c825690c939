import { afterEach, describe, expect, it } from "vitest";
import type { SnapshotTaken } from "../../../src/replica/snapshots/snapshotter.ts";
import { Counter } from "../counter.ts";
import { TestCluster, until } from "../test-cluster.ts";

/** A counter whose state is as large as a test wants it. */
class Bulky extends Counter {
  readonly #bytes: number;

  constructor(bytes: number) {
    super();
    this.#bytes = bytes;
  }

  override *snapshot(): Iterable<Uint8Array> {
    yield* super.snapshot();
    yield new Uint8Array(this.#bytes).fill(0x20);
  }
}

describe("snapshots of one member", () => {
  let cluster: TestCluster;
  afterEach(() => cluster.stopAll());

  async function takenWith(stateBytes: number, commands: number): Promise<readonly SnapshotTaken[]> {
    const limits = { snapshotEntries: 10, snapshotBytes: 1000, trailingEntries: 1 };
    cluster = new TestCluster(1, {}, limits, () => new Bulky(stateBytes));
    await cluster.startAll();
    const { leader } = cluster;
    const taken: SnapshotTaken[] = [];
    leader.on("snapshot", (one) => taken.push(one));
    for (let at = 0; at < commands; at++) await leader.propose({ add: 1 });
    await until(() => taken.length > 0, "a snapshot");
    return taken;
  }

  it("come as often as the limits say while the state is small", async () => {
    const taken = await takenWith(900, 200);
    expect(taken.length).toBeGreaterThan(12);
  });

  it("of a large state wait for a log that takes as much memory, lest few changes write all of it", async () => {
    const taken = await takenWith(20_000, 200);
    expect(taken.length).toBeGreaterThan(1);
    const log = cluster.leader.status().applied * BYTES_OF_ENTRY;
    const written = taken.slice(1).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(written / log).toBeLessThanOrEqual(1);
  });

  it("leave no more of the log behind them than an eighth of what brings the next one about", async () => {
    cluster = new TestCluster(
      1,
      {},
      { snapshotEntries: 1_000, snapshotBytes: 40_000, trailingEntries: 5_000 },
    );
    await cluster.startAll();
    const { leader } = cluster;
    const taken: SnapshotTaken[] = [];
    leader.on("snapshot", (one) => taken.push(one));
    for (let at = 0; at < 300; at++) await leader.propose({ add: 1 });
    await until(() => taken.length > 0, "a snapshot");
    const { index } = taken.at(-1)!;
    expect(leader.status().raft.first).toBeGreaterThan(index - 40);
  });

  it("come at another time on each member, so that a majority is always free", async () => {
    cluster = new TestCluster(3, {}, { snapshotEntries: 60 });
    await cluster.startAll();
    const first = new Map<string, number>();
    for (const member of cluster.all)
      member.on("snapshot", ({ index }) => first.set(member.name, first.get(member.name) ?? index));
    for (let at = 0; at < 70; at++) await cluster.leader.propose({ add: 1 });
    await until(() => first.size === 3, "a snapshot of each");
    const [low, middle, high] = [...first.values()].sort((left, right) => left - right);
    expect(middle! - low!).toBeGreaterThan(10);
    expect(high! - middle!).toBeGreaterThan(10);
  });
});

/** More than one of these commands takes in the log in memory, with its envelope. */
const BYTES_OF_ENTRY = 356;
