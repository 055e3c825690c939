import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../../../examples/kubernetes/free-ports.ts";

/** A member of etcd's own, alone and on loopback. */
export interface RealEtcd {
  /** `host:port` of its clients. */
  readonly endpoint: string;
  stop(): Promise<void>;
}

export function isInstalled(program: "etcd" | "etcdctl" | "openssl"): boolean {
  try {
    execFileSync(program, ["version"], { stdio: "ignore", env: { ...process.env, ETCDCTL_API: "3" } });
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ENOENT";
  }
}

/** The version of etcd on the PATH, or null when there is none. */
export const etcdVersion = ((): string | null => {
  try {
    return /etcd Version: (\S+)/.exec(execFileSync("etcd", ["--version"], { encoding: "utf8" }))?.[1] ?? null;
  } catch {
    return null;
  }
})();

/** Starts etcd with its data in memory where that is possible: what is compared is not its disk. */
export async function startEtcd(more: readonly string[] = []): Promise<RealEtcd> {
  const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "etcd-"));
  const [client, peer] = await freePorts(2);
  const clientUrl = `http://127.0.0.1:${client}`;
  const peerUrl = `http://127.0.0.1:${peer}`;
  const flags = {
    name: "real",
    "data-dir": folder,
    "listen-client-urls": clientUrl,
    "advertise-client-urls": clientUrl,
    "listen-peer-urls": peerUrl,
    "initial-advertise-peer-urls": peerUrl,
    "initial-cluster": `real=${peerUrl}`,
    "log-level": "error",
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const child = spawn("etcd", [...args, ...more], { stdio: "ignore" });
  await untilHealthy(`${clientUrl}/health`, child);
  return {
    endpoint: `127.0.0.1:${client}`,
    stop: async () => {
      child.kill("SIGKILL");
      if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilHealthy(url: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (child.exitCode !== null) throw new Error(`etcd ended with ${child.exitCode}`);
    const isHealthy = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (isHealthy) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("etcd does not become healthy");
}
