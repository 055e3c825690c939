import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { EMPTY, isLeader, RANGE_PATH, rangeRequest, STATUS_PATH } from "./etcd-wire.ts";
import { GrpcClient } from "./grpc-client.ts";
import { end, freePorts, isInstalled, scratchDirectory, startServer, until } from "./scratch.ts";

export const ETCD = process.env["ETCD_BIN"] ?? "etcd";
const QUOTA_BYTES = 8 * 1024 ** 3;

interface EtcdMember {
  readonly name: string;
  readonly port: number;
  readonly args: readonly string[];
  process: ChildProcess | null;
}

export function hasEtcd(): Promise<boolean> {
  return isInstalled(ETCD, "--version");
}

/** Members of a real etcd on this machine, with what it syncs by default, and the times that ours have. */
export class EtcdCluster {
  readonly #members: EtcdMember[];
  readonly #directory: string;
  #leader = 0;

  static async start(size: number): Promise<EtcdCluster> {
    const ports = await freePorts(2 * size);
    const cluster = new EtcdCluster(ports.slice(0, size), ports.slice(size));
    await cluster.#startAll();
    return cluster;
  }

  private constructor(ports: readonly number[], peerPorts: readonly number[]) {
    const directory = scratchDirectory();
    this.#directory = directory;
    const initial = peerPorts.map((port, at) => `m${at}=http://127.0.0.1:${port}`).join(",");
    this.#members = ports.map((port, at) => {
      const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPorts[at]}`];
      const args = [
        ...["--name", `m${at}`, "--data-dir", join(directory, `m${at}`)],
        ...["--listen-client-urls", client, "--advertise-client-urls", client],
        ...["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer],
        ...["--initial-cluster", initial, "--initial-cluster-state", "new"],
        ...["--heartbeat-interval", "100", "--election-timeout", "1000"],
        ...["--quota-backend-bytes", String(QUOTA_BYTES), "--log-level", "error"],
      ];
      return { name: `m${at}`, port, args, process: null };
    });
  }

  get leaderPort(): number {
    return this.#members[this.#leader]!.port;
  }

  /** Every member's port, those of followers first. */
  get followerPorts(): number[] {
    return this.#members.filter((_, at) => at !== this.#leader).map(({ port }) => port);
  }

  get pids(): number[] {
    return this.#members.flatMap(({ process }) => (process?.exitCode === null ? [process.pid!] : []));
  }

  /** Its reads slow down after many writes, and recover with a restart (3.4). */
  async restart(): Promise<void> {
    await this.stop("SIGTERM");
    await this.#startAll();
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    const running = this.#members.flatMap(({ process }) => (process === null ? [] : [process]));
    await Promise.all(running.map((process) => end(process, signal)));
  }

  killLeader(): void {
    this.#members[this.#leader]!.process!.kill("SIGKILL");
  }

  async #startAll(): Promise<void> {
    for (const member of this.#members)
      member.process = startServer(ETCD, member.args, join(this.#directory, `${member.name}.log`));
    await until("a leader of etcd", () => this.#findLeader(), 120_000);
  }

  /** Whoever says that it leads, and answers a linearizable read. */
  async #findLeader(): Promise<boolean> {
    for (const [at, { port }] of this.#members.entries()) {
      const client = new GrpcClient(port);
      try {
        if (!isLeader(await client.call(STATUS_PATH, EMPTY))) continue;
        await client.call(RANGE_PATH, rangeRequest("k"));
        this.#leader = at;
        return true;
      } finally {
        client.close();
      }
    }
    return false;
  }
}
