import { EtcdCluster } from "./etcd-cluster.ts";
import { putRequest, RANGE_PATH, rangeRequest, revisionOf } from "./etcd-wire.ts";
import { buildGoClient, type GoClient } from "./go-client.ts";
import { GrpcClient } from "./grpc-client.ts";
import { h2load, prepareRequest } from "./h2load.ts";
import type { Sample } from "./load.ts";
import { QuorateCluster } from "./quorate-cluster.ts";
import { cpuSeconds, scratchDirectory } from "./scratch.ts";
import { KEYS, keyAt, VALUE } from "./shape.ts";

/** What h2load can ask: always the same, so it is one key. */
export const REQUESTS = {
  put: { path: "/etcdserverpb.KV/Put", message: putRequest(keyAt(0), VALUE) },
  get: { path: "/etcdserverpb.KV/Range", message: rangeRequest(keyAt(0)) },
  range: { path: "/etcdserverpb.KV/Range", message: rangeRequest(keyAt(0), keyAt(KEYS)) },
};

/** A real etcd and ours, beside each other on one disk, with the same keys. */
export class Contest {
  readonly etcd: EtcdCluster;
  readonly ours: QuorateCluster;
  /** null where it cannot be built. */
  readonly goClient: GoClient | null;
  readonly #directory = scratchDirectory();
  /** Where our leader serves etcd's clients; null with the reason why it does not. */
  front: { readonly port: number } | { readonly missing: string } = { missing: "not started" };

  static async start(size: number): Promise<Contest> {
    const goClient = buildGoClient();
    const contest = new Contest(await EtcdCluster.start(size), await QuorateCluster.start(size), goClient);
    await Promise.all([contest.#fillEtcd(), contest.ours.leader.ask("fill", 0, KEYS)]);
    await contest.refresh();
    return contest;
  }

  private constructor(etcd: EtcdCluster, ours: QuorateCluster, goClient: GoClient | null) {
    this.etcd = etcd;
    this.ours = ours;
    this.goClient = goClient;
  }

  /** Before each round: etcd as it is after a start, and who leads. */
  async refresh(): Promise<void> {
    await this.etcd.restart();
    await this.ours.findLeader();
    this.front = await this.ours.leader.ask("serve").then(
      (port) => ({ port }),
      (error: Error) => ({ missing: error.message.split("\n")[0]! }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all([this.etcd.stop("SIGKILL"), this.ours.stop("SIGKILL")]);
  }

  /** h2load against whoever listens on a port, and proof that puts were puts. */
  async h2load(
    kind: keyof typeof REQUESTS,
    port: number,
    callers: number,
    milliseconds: number,
  ): Promise<Sample> {
    const { path, message } = REQUESTS[kind];
    const file = prepareRequest(this.#directory, kind, message);
    const before = await revisionAt(port);
    const sample = await h2load({ url: `http://127.0.0.1:${port}${path}`, file }, callers, milliseconds);
    const written = (await revisionAt(port)) - before;
    const asked = kind === "put" ? (sample.perSecond * milliseconds) / 1000 : 0;
    if (written < 0.9 * asked) throw new Error(`${asked} puts made ${written} revisions`);
    return sample;
  }

  async #fillEtcd(): Promise<void> {
    const client = new GrpcClient(this.etcd.leaderPort);
    let next = 0;
    const filler = async (): Promise<void> => {
      while (next < KEYS) await client.call(REQUESTS.put.path, putRequest(keyAt(next++), VALUE));
    };
    await Promise.all(Array.from({ length: 100 }, filler));
    client.close();
  }
}

/** The sample, with what the servers spent on it. */
export async function withCpu(pids: readonly number[], run: () => Promise<Sample>): Promise<Sample> {
  const begin = performance.now();
  const before = cpuSeconds(pids);
  const sample = await run();
  const calls = (sample.perSecond * (performance.now() - begin)) / 1000;
  return { ...sample, cpuMicros: ((cpuSeconds(pids) - before) * 1_000_000) / calls };
}

async function revisionAt(port: number): Promise<number> {
  const client = new GrpcClient(port);
  const response = await client.call(RANGE_PATH, rangeRequest("?"));
  client.close();
  return revisionOf(response);
}
