/**
 * A lock that protects something outside of the cluster, and a fence for the holder who comes too late.
 * Run it: npx tsx examples/distributed-lock.ts
 */
import { open } from "quorate";
import { loopbackPeers } from "./loopback.ts";

/** A store of files, say. It remembers the greatest fence that it has seen, and refuses whoever comes with a smaller one. */
class Archive {
  readonly lines: string[] = [];
  #newestFence = 0;

  append(line: string, fence: number): boolean {
    if (fence < this.#newestFence) return false;
    this.#newestFence = fence;
    this.lines.push(line);
    return true;
  }
}

const peers = await loopbackPeers("n1", "n2", "n3");
const [n1, n2, n3] = await Promise.all(Object.keys(peers).map((name) => open({ name, peers })));
const archive = new Archive();

// Whoever asks first gets it first. `run` releases it, however the work ends.
await Promise.all(
  [n1!, n2!, n3!].map((member) =>
    member.lock("archive").run(async ({ fence }) => {
      archive.append(`written by ${member.status().name}`, fence);
    }),
  ),
);
console.log(`${archive.lines.length} lines, each under the lock`);

// A holder that stops for longer than its `ttl`, here because its machine does, loses the lock to the next in line.
const old = await n1!.lock("archive").acquire({ ttlMs: 1000 });
await n1!.close();
const next = await n2!.lock("archive").acquire({ timeoutMs: 20_000 });
console.log(`the next holder writes: ${archive.append("written by the next holder", next.fence)}`);

// If it wakes up in the middle of a write, no lock can stop it any more. The fence does.
console.log(`the signal told it to stop: ${old.signal.aborted}`);
console.log(`the old holder writes: ${archive.append("written too late", old.fence)}`);

await next.release();
// Where two might both want it, and one is enough, nobody needs to wait.
const tried = [await n2!.lock("archive").tryAcquire(), await n3!.lock("archive").tryAcquire()];
console.log(`of two who try, ${tried.filter((held) => held !== undefined).length} has it`);
await tried[0]?.release();
await Promise.all([n2!.close(), n3!.close()]);
