import { type Measurement, rounded } from "../report.ts";
import type { Contest } from "./contest.ts";
import { PUT_PATH, putRequest } from "./etcd-wire.ts";
import { GrpcClient } from "./grpc-client.ts";
import { isInterrupted } from "./interrupt.ts";
import { progress } from "./options.ts";
import { KEYS, keyAt, VALUE } from "./shape.ts";
import { median, spread } from "./statistics.ts";

const EVERY_MS = 10;
const CALM_MS = 1_000;
const OUTAGE_MS = 6_000;

/**
 * How long nobody can write after the leader was killed. A put every 10 ms, answered or not, through a member that
 * survives; the longest time between two answers counts. Election timeout 1000 ms, heartbeat 100 ms on both sides.
 */
export async function failover(contest: Contest, rounds: number): Promise<Measurement[]> {
  const etcd: number[] = [];
  const ours: number[] = [];
  for (let at = 0; at < rounds && !isInterrupted(); at++) {
    progress(`failover, round ${at + 1} of ${rounds}`);
    etcd.push(await etcdOutage(contest));
    ours.push(await ourOutage(contest));
    progress(`  etcd: ${rounded(etcd[at]!)} ms, embedded: ${rounded(ours[at]!)} ms`);
  }
  if (etcd.length === 0) return [];
  const measurement = (name: string, values: readonly number[]): Measurement => ({
    name: `failover, ${name}`,
    value: median(values),
    unit: "ms",
    spread: spread(values),
  });
  const ratio = { to: "etcd", value: median(ours.map((each, at) => each / etcd[at]!)) };
  return [measurement("etcd", etcd), { ...measurement("embedded", ours), ratio }];
}

async function etcdOutage({ etcd }: Contest): Promise<number> {
  await etcd.restart();
  const client = new GrpcClient(etcd.followerPorts[0]!);
  const answeredAt: number[] = [];
  let at = 0;
  const timer = setInterval(() => {
    client.call(PUT_PATH, putRequest(keyAt(at++ % KEYS), VALUE)).then(
      () => answeredAt.push(Date.now()),
      () => {},
    );
  }, EVERY_MS);
  await pause(CALM_MS);
  etcd.killLeader();
  await pause(OUTAGE_MS);
  clearInterval(timer);
  client.close();
  await etcd.restart();
  return longestGap(answeredAt);
}

async function ourOutage({ ours }: Contest): Promise<number> {
  await ours.findLeader();
  const survivor = ours.followers[0]!;
  await survivor.ask("pulse", EVERY_MS);
  await pause(CALM_MS);
  ours.killLeader();
  await pause(OUTAGE_MS);
  const answeredAt = await survivor.ask("endPulse");
  await ours.restart();
  return longestGap(answeredAt);
}

function longestGap(times: readonly number[]): number {
  return Math.max(...times.slice(1).map((time, at) => time - times[at]!));
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
