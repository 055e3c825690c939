import { afterEach, describe, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import type { OnCorruption } from "../../src/storage/disk/disk-opening.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../src/storage/files/memory-files.ts";
import { TestCluster, until } from "./test-cluster.ts";

/** Three members, each with a directory on a disk in memory. */
class DiskCluster extends TestCluster {
  readonly platters = new Map<string, MemoryDisk>();

  constructor() {
    super(3, {}, { snapshotEntries: 60, trailingEntries: 10 });
    for (const name of this.names) {
      this.platters.set(name, new MemoryDisk());
      this.insert(name, "repair-from-peers");
    }
  }

  insert(name: string, onCorruption: OnCorruption): void {
    const files = new MemoryFiles(this.platters.get(name)!);
    const limits = { segmentBytes: 16_384, reserveBytes: 0 };
    this.use(name, new DiskStorage(files, { ...limits, onCorruption }));
  }

  /** The member's newest snapshot, or the segment in the middle of its WAL. */
  pathOf(name: string, what: "snapshot" | "segment"): string {
    const paths = [...this.platters.get(name)!.names.keys()].sort();
    const segments = paths.filter((path) => path.endsWith(".wal"));
    const snapshots = paths.filter((path) => path.endsWith(".snapshot"));
    return what === "snapshot" ? snapshots.at(-1)! : segments[0]!;
  }

  damage(name: string, path: string): void {
    this.platters.get(name)!.names.get(path)!.write(new Uint8Array(600).fill(0xa5), 512);
  }
}

describe("one damaged member of three", () => {
  let cluster: DiskCluster;
  afterEach(() => cluster.stopAll());

  const filled = async (commands: number): Promise<void> => {
    cluster = new DiskCluster();
    await cluster.startAll();
    for (let at = 0; at < commands; at++) await cluster.leader.propose({ add: 1 });
  };

  it.each([
    ["its log", 30, "segment"],
    ["its snapshots", 130, "snapshot"],
  ] as const)("is repaired by the others when %s is damaged, and says so", async (_what, commands, what) => {
    await filled(commands);
    const { name } = cluster.followers[0]!;
    await cluster.stop(name);
    if (what === "snapshot") {
      const paths = [...cluster.platters.get(name)!.names.keys()].filter((path) =>
        path.endsWith(".snapshot"),
      );
      for (const path of paths) cluster.damage(name, path);
    } else cluster.damage(name, cluster.pathOf(name, what));

    cluster.insert(name, "refuse");
    const refusal: unknown = await cluster.start(name).catch((error: unknown) => error);
    expect(QuorateError.is(refusal, "ERR_CORRUPT"), String(refusal)).toBe(true);

    cluster.insert(name, "repair-from-peers");
    const member = await cluster.start(name);
    const told: string[] = [];
    member.on("repairing", (damage) => told.push(`repairing ${damage?.code}`));
    member.on("repaired", () => told.push("repaired"));
    expect(member.status().isRepairing).toBe(true);
    await until(() => told.includes("repaired"), "the repair");
    expect(told).toEqual(["repairing ERR_CORRUPT", "repaired"]);
    expect(member.status().isRepairing).toBe(false);
    await until(() => cluster.machines.get(name)!.sum === commands, "the state");
  });

  it("has a vote again: with it the cluster survives the loss of another one", async () => {
    await filled(30);
    const { name } = cluster.leader;
    await cluster.stop(name);
    cluster.damage(name, cluster.pathOf(name, "segment"));
    cluster.insert(name, "repair-from-peers");
    const member = await cluster.start(name);
    await until(() => !member.status().isRepairing, "the repair");
    await member.propose({ add: 1 });

    const other = cluster.all.find((each) => each.name !== name && each.isLeader) ?? cluster.followers[0]!;
    await cluster.stop(other.name);
    expect(await member.propose({ add: 1 })).toBe(32);
  });

  it("gives no vote before: with another one gone nobody leads, and nothing is lost", async () => {
    await filled(30);
    const names = cluster.names.filter((name) => name !== cluster.leader.name);
    const [hurt, whole] = names as [string, string];
    const leader = cluster.leader.name;
    // All of them, so that none leads on: the one that was handed the leadership would be a later leader.
    await cluster.stop(hurt);
    await cluster.stop(whole);
    await cluster.stop(leader);
    for (const name of cluster.names) cluster.insert(name, "repair-from-peers");
    cluster.damage(hurt, cluster.pathOf(hurt, "segment"));
    const member = await cluster.start(hurt);
    const other = await cluster.start(whole);
    const outcome: unknown = await other
      .propose({ add: 1 }, { timeoutMs: 600 })
      .catch((error: unknown) => error);
    expect(QuorateError.is(outcome, "ERR_NO_QUORUM"), String(outcome)).toBe(true);
    expect(member.status().isRepairing).toBe(true);

    await cluster.start(leader);
    await until(() => !member.status().isRepairing, "the repair");
    expect(await member.propose({ add: 1 })).toBe(31);
  });
});
