import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../examples/kubernetes/free-ports.ts";

/** The version of etcd on the PATH, or null when there is none. */
export const etcdVersion = ((): string | null => {
  try {
    return /etcd Version: (\S+)/.exec(execFileSync("etcd", ["--version"], { encoding: "utf8" }))?.[1] ?? null;
  } catch {
    return null;
  }
})();

/** A real etcd of one member, on loopback, with its data in a directory of its own. */
export class EtcdProcess {
  readonly endpoint: string;
  readonly #directory: string;
  readonly #process: ChildProcess;

  static async start(args: readonly string[] = []): Promise<EtcdProcess> {
    const [client, peer] = await freePorts(2);
    const etcd = new EtcdProcess(client!, peer!, args);
    await etcd.#ready();
    return etcd;
  }

  constructor(client: number, peer: number, args: readonly string[]) {
    this.endpoint = `127.0.0.1:${client}`;
    this.#directory = mkdtempSync(join(tmpdir(), "quorate-etcd-"));
    const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
    this.#process = spawn("etcd", [
      ...["--name", "e1", "--data-dir", this.#directory, "--logger", "zap"],
      ...["--listen-client-urls", urls.client, "--advertise-client-urls", urls.client],
      ...["--listen-peer-urls", urls.peer, "--initial-advertise-peer-urls", urls.peer],
      ...["--initial-cluster", `e1=${urls.peer}`, ...args],
    ]);
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#process.on("error", reject);
      this.#process.on("exit", (code) => reject(new Error(`etcd ended with ${code}`)));
      const onData = (data: Buffer): void => {
        if (/ready to serve client requests|serving client traffic/.test(data.toString())) resolve();
      };
      this.#process.stderr!.on("data", onData);
      this.#process.stdout!.resume();
    });
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
