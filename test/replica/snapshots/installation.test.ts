import { afterEach, describe, expect, it } from "vitest";
import { utf8Bytes, utf8Text } from "../../../src/base/bytes.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { EMPTY_MEMBERSHIP } from "../../../src/raft/membership.ts";
import { Installation } from "../../../src/replica/snapshots/installation.ts";
import type { Restoration } from "../../../src/replica/state-machine.ts";
import { MemoryStorage } from "../../../src/storage/memory-storage.ts";
import type { SnapshotReader } from "../../../src/storage/storage.ts";
import { Counter } from "../counter.ts";
import { TestCluster, until } from "../test-cluster.ts";

/** A counter that takes its time to be restored: many short steps, as a large state would. */
class LargeCounter extends Counter {
  readonly steps = 60;
  beginRestore(): Restoration {
    let text = "";
    let left = this.steps;
    return {
      write: (piece) => {
        text += utf8Text(piece);
      },
      finish: () => {
        const end = performance.now() + 5;
        while (performance.now() < end);
        left -= 1;
        if (left === 0) this.sum = Number(text);
        return left === 0;
      },
    };
  }
}

describe("a snapshot that a leader sends", () => {
  let cluster: TestCluster;
  afterEach(() => cluster.stopAll());

  it("is installed slice by slice: the member hears its leader meanwhile, and shows its old state", async () => {
    cluster = new TestCluster(3, {}, { snapshotEntries: 20, trailingEntries: 1 }, () => new LargeCounter());
    await cluster.startAll();
    const { leader } = cluster;
    const [behind] = cluster.followers as [(typeof cluster.followers)[number]];
    const { term } = leader.status();
    cluster.isolate(behind.name);
    for (let at = 0; at < 50; at++) await leader.propose({ add: 1 });
    await until(() => leader.status().snapshot > 40, "a snapshot");

    const machine = cluster.machines.get(behind.name)!;
    const sumBefore = machine.sum;
    cluster.network.healAll();
    await until(() => behind.status().raft.restoring !== undefined, "the snapshot's arrival");
    expect(machine.sum, "the old state is shown until the new one is whole").toBe(sumBefore);
    await until(() => behind.status().applied >= leader.status().snapshot, "the installation");
    await leader.propose({ add: 1 });
    await until(() => machine.sum === 51, "what came after it");
    // 300 ms of work, and an election timeout of 100 ms: nobody stood for election.
    expect(leader.status().term - term, "terms since").toBe(0);
  });

  it("may be given up at any time", async () => {
    cluster = new TestCluster(3, {}, { snapshotEntries: 20, trailingEntries: 1 }, () => new LargeCounter());
    await cluster.startAll();
    const { leader } = cluster;
    const [behind] = cluster.followers as [(typeof cluster.followers)[number]];
    cluster.isolate(behind.name);
    for (let at = 0; at < 50; at++) await leader.propose({ add: 1 });
    await until(() => leader.status().snapshot > 40, "a snapshot");
    cluster.network.healAll();
    await until(() => behind.status().raft.restoring !== undefined, "the snapshot's arrival");
    await cluster.stop(behind.name);
    await cluster.start(behind.name);
    await until(() => cluster.machines.get(behind.name)!.sum === 50, "the state after a restart");
  });
});

describe("an installation", () => {
  const reader = async (chunks: readonly Uint8Array[]): Promise<SnapshotReader> => {
    const storage = new MemoryStorage();
    storage.open({ clusterId: "ab".repeat(16), memberId: 1, memberName: "one" });
    const metadata = { index: 5, term: 1, membership: { ...EMPTY_MEMBERSHIP, voters: [1] } };
    const writer = storage.createSnapshot({ metadata, context: new Uint8Array(0) });
    for (const chunk of chunks) await new Promise((resolve) => writer.write(chunk, resolve));
    await new Promise((resolve) => writer.commit(resolve));
    return storage.openSnapshot()!;
  };
  const install = async (machine: ConstructorParameters<typeof Installation>[1], chunks: Uint8Array[]) => {
    const source = await reader(chunks);
    return new Promise((resolve) => new Installation(source, machine, systemClock, resolve));
  };

  it("gives all bytes in order, in pieces of a bounded size", async () => {
    const pieces: Uint8Array[] = [];
    const machine = {
      restore: () => {
        throw new Error("not at once");
      },
      beginRestore: () => ({
        write: (piece: Uint8Array) => void pieces.push(piece.slice()),
        finish: () => true,
      }),
    };
    const chunks = [200_000, 1, 64 * 1024].map((length, at) => new Uint8Array(length).fill(at + 1));
    expect(await install(machine, chunks)).toBeNull();
    expect(Math.max(...pieces.map(({ length }) => length))).toBe(64 * 1024);
    expect(Buffer.concat(pieces).equals(Buffer.concat(chunks))).toBe(true);
  });

  it("restores at once a machine that knows no other way", async () => {
    const machine = new Counter();
    expect(await install(machine, [utf8Bytes("4"), utf8Bytes("2")])).toBeNull();
    expect(machine.sum).toBe(42);
  });

  it("tells what the machine throws", async () => {
    const refusal = new Error("no");
    const machine = {
      restore: () => {
        throw refusal;
      },
    };
    expect(await install(machine, [utf8Bytes("4")])).toMatchObject({ code: "ERR_MACHINE", cause: refusal });
  });
});
