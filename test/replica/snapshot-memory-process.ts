/**
 * A process that measures what a snapshot costs: two members on real disks take a snapshot of so many MiB,
 * and one of them sends it to a third, which installs it. Prints, as JSON, how far the memory rose above what it was before,
 * and how long the event loop stood still at the longest while it was sent and installed. `node --expose-gc … DIRECTORY MEBIBYTES`
 */
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { Random } from "../../src/base/random.ts";
import { commandCodec } from "../../src/replica/calls/command-codec.ts";
import { Replica } from "../../src/replica/replica.ts";
import type { Restoration, StateMachine } from "../../src/replica/state-machine.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";

const MIB = 1024 * 1024;
const CHUNK_BYTES = 256 * 1024;
const [directory, mebibytes] = process.argv.slice(2);
const size = Number(mebibytes) * MIB;

/** A state that takes no memory: so many bytes that follow from their places. */
class Stretch implements StateMachine<number, number, void, number> {
  length = 0;

  apply(batch: readonly { readonly command: number }[]): number[] {
    return batch.map(({ command }) => {
      this.length = command;
      return command;
    });
  }

  query(): number {
    return this.length;
  }

  *snapshot(): Iterable<Uint8Array> {
    const { length } = this;
    for (let at = 0; at < length; at += CHUNK_BYTES)
      yield new Uint8Array(Math.min(CHUNK_BYTES, length - at)).fill((at / CHUNK_BYTES) & 0xff);
  }

  restore(chunks: Iterable<Uint8Array>): void {
    const restoration = this.beginRestore();
    for (const chunk of chunks) restoration.write(chunk);
    restoration.finish();
  }

  beginRestore(): Restoration {
    let length = 0;
    return {
      write: (piece) => {
        const due = Math.floor(length / CHUNK_BYTES) & 0xff;
        if (piece[0] !== due) throw new Error(`byte ${length} is ${piece[0]}, not ${due}`);
        length += piece.length;
      },
      finish: () => {
        this.length = length;
        return true;
      },
    };
  }
}

const network = new MemoryNetwork();
const start = (name: string): Promise<Replica<number, number, void, number>> =>
  Replica.open({
    ...{ name, peers: { a: "", b: "", c: "" }, machine: new Stretch(), codec: commandCodec<number>("json") },
    storage: new DiskStorage(new NodeFiles(join(directory!, name)), { reserveBytes: 0 }),
    ...{ transport: network.transport(), clock: systemClock, random: new Random(name.charCodeAt(0)) },
    limits: { trailingEntries: 1, tickMs: 50 },
  });

const [a, b] = await Promise.all(["a", "b"].map(start));
await Promise.all([a!.ready(), b!.ready()]);
await a!.propose(size);
(globalThis as { gc?: () => void }).gc?.();
const watch = watchProcess();
for (const member of [a!, b!]) {
  const taken = new Promise((resolve) => member.once("snapshot", resolve));
  member.snapshot();
  await taken;
}
// One who begins with nothing is sent all of it.
const c = await start("c");
watch.begun();
while ((await c.query(undefined, { consistency: "stale" })) !== size)
  await new Promise((r) => setTimeout(r, 20));
console.log(JSON.stringify(watch.result()));
await Promise.all([a!, b!, c].map((member) => member.close()));

function watchProcess() {
  const before = process.memoryUsage().rss;
  let highest = before;
  let stallMs = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    highest = Math.max(highest, process.memoryUsage().rss);
    stallMs = Math.max(stallMs, performance.now() - last - 5);
    last = performance.now();
  }, 5);
  return {
    /** Opening a storage blocks, as it may; what comes after it may not. */
    begun(): void {
      stallMs = 0;
      last = performance.now();
    },
    result() {
      clearInterval(timer);
      return { extraMebibytes: Math.round((highest - before) / MIB), stallMs: Math.round(stallMs) };
    },
  };
}
