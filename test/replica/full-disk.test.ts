import { afterEach, expect, it } from "vitest";
import type { QuorateError } from "../../src/base/errors.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { MemoryDisk } from "../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../src/storage/files/memory-files.ts";
import { TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;
afterEach(() => cluster.stopAll());

it("a snapshot that finds no room is given up and taken later: the member goes on", async () => {
  cluster = new TestCluster(1, {}, { snapshotEntries: 20, trailingEntries: 1 });
  let isFull = false;
  const files = new MemoryFiles(new MemoryDisk(), {
    beforeCall: ({ operation, path }) =>
      isFull && operation === "write" && path.startsWith("snapshots/") ? "ENOSPC" : undefined,
  });
  cluster.use("n1", new DiskStorage(files, { reserveBytes: 0 }));
  const member = await cluster.start("n1");
  const errors: QuorateError[] = [];
  member.on("error", (error) => errors.push(error));
  await member.ready();

  isFull = true;
  for (let at = 0; at < 50; at++) await member.propose({ add: 1 });
  expect(errors).toEqual([]);
  expect(member.status()).toMatchObject({ state: "open", snapshot: 1 });

  isFull = false;
  for (let at = 0; at < 25; at++) await member.propose({ add: 1 });
  await until(() => member.status().snapshot > 50, "a snapshot");
  expect(await member.query()).toBe(75);
});
