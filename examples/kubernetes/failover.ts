import { setTimeout as pause } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import { until } from "./wait.ts";

const LIMIT_MS = 15_000;
/** How long everybody works before the leader is killed. */
const WORK_MS = 2_000;
/** How long a killed member stays away, so that the others get ahead of it. */
const DOWN_MS = 1_000;

/** How one loss of the leader went. Times are milliseconds. */
export interface Failover {
  readonly killed: string;
  readonly leader: string;
  readonly term: number;
  /** How many writers were at work when the leader was killed. */
  readonly busyWriters: number;
  /** From the SIGKILL until a survivor had a write acknowledged under the new leader. */
  readonly failoverMs: number;
  /** From the start of the new process until it had seen everything that the others had seen by then. */
  readonly catchUpMs: number;
}

/** Kills whichever member leads, waits until the others go on, starts it again and waits until it has caught up. */
export async function killLeader(cluster: Cluster): Promise<Failover> {
  await pause(WORK_MS);
  const busyWriters = await until(
    () => `${cluster.writers} writers to be busy`,
    LIMIT_MS,
    () => (cluster.busyWriters === cluster.writers ? cluster.busyWriters : null),
  );
  const old = await until(
    () => "a leader to kill",
    LIMIT_MS,
    () => cluster.leader,
  );

  const killedAt = Date.now();
  await cluster.kill(old.name);
  const firstWrite = await until(
    () => `the others to acknowledge a write after the end of ${old.name}`,
    LIMIT_MS,
    () => cluster.firstWriteAfter(old.term),
  );
  const leader = cluster.leader?.name ?? "nobody";
  await pause(DOWN_MS);
  const { catchUpMs } = await cluster.restart(old.name);

  const failoverMs = firstWrite.at - killedAt;
  return { killed: old.name, leader, term: firstWrite.term, busyWriters, failoverMs, catchUpMs };
}
