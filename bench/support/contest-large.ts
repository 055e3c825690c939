import { type Measurement, rounded } from "../report.ts";
import { EtcdCluster } from "./etcd-cluster.ts";
import { putRequest, putsInOneTxn, RANGE_PATH, rangeRequest, TXN_PATH } from "./etcd-wire.ts";
import { GrpcClient } from "./grpc-client.ts";
import { isInterrupted } from "./interrupt.ts";
import { progress } from "./options.ts";
import { QuorateCluster } from "./quorate-cluster.ts";
import { residentBytes } from "./scratch.ts";
import { keyAt, VALUE } from "./shape.ts";
import { median, spread } from "./statistics.ts";

const TXN_PUTS = 100;
const MIB = 1024 * 1024;

interface Large {
  readonly fillMs: number;
  readonly bytes: number;
  readonly restartMs: number;
  readonly bytesAfter: number;
}

/** A lone member of each with so many keys: its memory, and how long it takes from a kill until it answers a read. */
export async function large(keys: number, rounds: number): Promise<Measurement[]> {
  const etcd: Large[] = [];
  const ours: Large[] = [];
  for (let at = 0; at < rounds && !isInterrupted(); at++) {
    const round = `${keys} keys, round ${at + 1} of ${rounds}`;
    etcd.push(await largeEtcd(keys));
    progress(`${round}, etcd: ${told(etcd[at]!)}`);
    ours.push(await largeOurs(keys));
    progress(`${round}, ours: ${told(ours[at]!)}`);
  }
  const compared = (what: string, unit: string, pick: (large: Large) => number): Measurement[] => {
    const [theirs, own] = [etcd.map(pick), ours.map(pick)];
    const ratio = { to: "etcd", value: median(own.map((each, at) => each / theirs[at]!)) };
    return [
      { name: `${what}, etcd`, value: median(theirs), unit, spread: spread(theirs) },
      { name: `${what}, ours`, value: median(own), unit, spread: spread(own), ratio },
    ];
  };
  return [
    ...compared("restart", "ms", ({ restartMs }) => restartMs),
    ...compared("memory after the load", "MiB", ({ bytes }) => bytes / MIB),
    ...compared("memory after the restart", "MiB", ({ bytesAfter }) => bytesAfter / MIB),
    ...compared("load", "ms", ({ fillMs }) => fillMs),
  ];
}

function told({ restartMs, bytes }: Large): string {
  return `restart ${rounded(restartMs)} ms, memory ${rounded(bytes / MIB)} MiB`;
}

async function largeEtcd(keys: number): Promise<Large> {
  const cluster = await EtcdCluster.start(1);
  const fillMs = await timed(() => fillEtcd(cluster.leaderPort, keys));
  const bytes = residentBytes(cluster.pids[0]!);
  await cluster.stop("SIGKILL");
  const restartMs = await timed(() => cluster.restart());
  check(await isInEtcd(cluster.leaderPort, keys));
  const bytesAfter = residentBytes(cluster.pids[0]!);
  await cluster.stop("SIGKILL");
  return { fillMs, bytes, restartMs, bytesAfter };
}

async function largeOurs(keys: number): Promise<Large> {
  const cluster = await QuorateCluster.start(1);
  const fillMs = await timed(() => cluster.leader.ask("fill", 0, keys));
  const bytes = residentBytes(cluster.leader.pid);
  await cluster.stop("SIGKILL");
  const restartMs = await timed(() => cluster.restart());
  check(await cluster.leader.ask("holds", keyAt(keys - 1)));
  const bytesAfter = residentBytes(cluster.leader.pid);
  await cluster.stop("SIGKILL");
  return { fillMs, bytes, restartMs, bytesAfter };
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

async function fillEtcd(port: number, keys: number): Promise<void> {
  const client = new GrpcClient(port);
  let next = 0;
  const filler = async (): Promise<void> => {
    while (next < keys) {
      const begin = next;
      next += TXN_PUTS;
      const puts = Array.from({ length: TXN_PUTS }, (_, at) => putRequest(keyAt(begin + at), VALUE));
      await client.call(TXN_PATH, putsInOneTxn(puts));
    }
  };
  await Promise.all(Array.from({ length: 10 }, filler));
  client.close();
}

async function isInEtcd(port: number, keys: number): Promise<boolean> {
  const client = new GrpcClient(port);
  const response = await client.call(RANGE_PATH, rangeRequest(keyAt(keys - 1)));
  client.close();
  return response.length > VALUE.length;
}

function check(isThere: boolean): void {
  if (!isThere) throw new Error("the last key is gone after the restart");
}
