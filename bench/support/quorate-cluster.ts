import { join } from "node:path";
import type { MemberMethods } from "../process/member.ts";
import { Child } from "./child.ts";
import { end, freePorts, scratchDirectory } from "./scratch.ts";

interface MemberPlace {
  readonly name: string;
  readonly dir: string;
}

/** Members of ours on this machine, each in a process of its own, on a disk, over TCP. */
export class QuorateCluster {
  readonly #places: MemberPlace[];
  readonly #peers: Record<string, string> | undefined;
  #members: Child<MemberMethods>[] = [];
  #leader = 0;

  static async start(size: number): Promise<QuorateCluster> {
    const cluster = new QuorateCluster(await freePorts(size));
    await cluster.#startAll();
    return cluster;
  }

  private constructor(ports: readonly number[]) {
    const directory = scratchDirectory();
    const names = ports.map((_, at) => `m${at}`);
    this.#places = names.map((name) => ({ name, dir: join(directory, name) }));
    const addresses = names.map((name, at) => [name, `127.0.0.1:${ports[at]}`] as const);
    this.#peers = ports.length === 1 ? undefined : Object.fromEntries(addresses);
  }

  get leader(): Child<MemberMethods> {
    return this.#members[this.#leader]!;
  }

  get followers(): Child<MemberMethods>[] {
    return this.#members.filter((_, at) => at !== this.#leader);
  }

  get pids(): number[] {
    return this.#members.filter(({ process }) => process.exitCode === null).map(({ pid }) => pid);
  }

  async restart(): Promise<void> {
    await this.stop("SIGTERM");
    await this.#startAll();
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => end(process, signal)));
  }

  killLeader(): void {
    this.leader.process.kill("SIGKILL");
  }

  async #startAll(): Promise<void> {
    this.#members = this.#places.map(() => new Child<MemberMethods>("member"));
    const opened = this.#members.map((member, at) =>
      member.ask("open", { ...this.#places[at]!, peers: this.#peers }),
    );
    await Promise.all(opened);
    await Promise.all(this.#members.map((member) => member.ask("ready")));
    await this.findLeader();
  }

  /** Leadership moves when it likes; ask again before what must run beside the leader. */
  async findLeader(): Promise<void> {
    const leads = await Promise.all(this.#members.map((member) => member.ask("isLeader")));
    this.#leader = Math.max(0, leads.indexOf(true));
  }
}
