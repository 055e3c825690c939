/**
 * A job that must run on one machine at a time, and go on when that machine fails.
 * Run it: npx tsx examples/leader-election.ts
 */
import { setTimeout as sleep } from "node:timers/promises";
import { open, QuorateError, type Store } from "quorate";
import { loopbackPeers } from "./loopback.ts";

// In production each member is a process of its own: `open({ dir, name: process.argv[2], peers })`.
const peers = await loopbackPeers("n1", "n2", "n3");
const members = await Promise.all(Object.keys(peers).map((name) => open({ name, peers })));

const runs: { readonly name: string; readonly fence: number }[] = [];
const campaigns = members.map(schedule);

await runsReach(3);
const failed = runs.at(-1)!.name;
console.log(`every run was on one member: ${new Set(runs.map(({ name }) => name)).size === 1}`);

// Its machine is gone, without a word. The others wait for its lease to end, then one of them takes over.
await members.find((member) => member.status().name === failed)!.close();
await runsReach(runs.length + 3);
console.log(`another member took over: ${runs.at(-1)!.name !== failed}`);
console.log(`with a greater fence: ${runs.at(-1)!.fence > runs[0]!.fence}`);

await Promise.all(members.map((member) => member.close()));
await Promise.all(campaigns);

/** Stands for election and runs the job for as long as this member leads; stands again when it has lost. */
async function schedule(member: Store<string>): Promise<void> {
  const { name } = member.status();
  try {
    await member.election("report-job").whileLeading(
      async ({ fence, signal }) => {
        // `signal` aborts before another member can lead. Whatever the job calls should get it, too.
        while (!signal.aborted) {
          runs.push({ name, fence });
          await sleep(100, undefined, { signal });
        }
      },
      { value: name, ttlMs: 2000 },
    );
  } catch (error) {
    // The store was closed: the campaign is over.
    if (!QuorateError.is(error)) throw error;
  }
}

async function runsReach(count: number): Promise<void> {
  while (runs.length < count) await sleep(20);
}
