import { afterEach, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../src/storage/files/memory-files.ts";
import { TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;
afterEach(() => cluster.stopAll());

it("a member on an old copy of its own directory stops by name, and the others go on", async () => {
  // Only a leader that has seen it knows, so nobody else must come to lead because the machine is busy.
  cluster = new TestCluster(3, {}, { electionTicks: 100 });
  const start = (disk: MemoryDisk) => {
    cluster.use("n1", new DiskStorage(new MemoryFiles(disk)));
    return cluster.start("n1");
  };
  const add = async (sum: number): Promise<void> => {
    while (cluster.machines.get("n1")!.sum < sum) await cluster.all[0]!.propose({ add: 1 });
  };
  const disk = new MemoryDisk();
  cluster.use("n1", new DiskStorage(new MemoryFiles(disk)));
  await cluster.startAll();
  await add(5);
  await cluster.stop("n1");
  const old = disk.image();
  const later = await start(disk);
  await add(10);
  // What the member holds by now is of use only to a leader that has been told.
  const isAcknowledged = (): boolean => {
    const { id, raft } = later.status();
    return cluster.leader.status().raft.progress.find((peer) => peer.id === id)?.matched === raft.last.index;
  };
  await until(isAcknowledged, "the leader to know what the member holds");
  await cluster.stop("n1");

  const failures: QuorateError[] = [];
  const member = await start(new MemoryDisk(old));
  member.on("error", (error) => failures.push(error));
  await until(() => failures.length > 0, "the old copy to be noticed");
  const [stopped] = failures;
  expect(QuorateError.is(stopped, "ERR_LOG_LOST")).toBe(true);
  expect(member.status().state).toBe("failed");
  await cluster.stop("n1");
  await cluster.all[0]!.propose({ add: 1 });
});
