import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "./interrupt.ts";

const TMPFS = 0x01021994;
const children = new Set<ChildProcess>();
const directories: string[] = [];

// In whatever way a benchmark ends, nothing of it stays behind.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const path of directories) rmSync(path, { recursive: true, force: true });
});
process.on("SIGTERM", () => process.exit(143));

/** A directory on a disk: what is kept in memory syncs a thousand times as fast, and says nothing. */
export function scratchDirectory(): string {
  const parent = [tmpdir(), process.cwd()].find((path) => statfsSync(path).type !== TMPFS);
  if (parent === undefined) throw new Error("there is no disk to measure on: everything here is memory");
  const path = mkdtempSync(join(parent, "quorate-bench-data-"));
  directories.push(path);
  return path;
}

export function own<Process extends ChildProcess>(child: Process): Process {
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** A server whose output goes to a file, and who ends with the benchmark at the latest. */
export function startServer(command: string, args: readonly string[], log: string): ChildProcess {
  const output = openSync(log, "a");
  const options: SpawnOptions = { stdio: ["ignore", output, output] };
  const child = own(spawn(command, args, options));
  closeSync(output);
  child.on("error", () => {});
  return child;
}

/** Ends a process, and resolves when it has ended. */
export function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Asks again and again until it is so. */
export async function until(what: string, isSo: () => Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > end) throw new Error(`${what} did not happen within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function isInstalled(command: string, ...args: string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "ignore" });
    child.once("error", () => resolve(false));
    child.once("exit", () => resolve(true));
  });
}

/** Seconds of processor time that these processes have used so far; 0 where the system does not tell. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const fields = statusFields(`/proc/${pid}/stat`);
    return Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  });
  return ticks.reduce((sum, each) => sum + each, 0) / 100;
}

/** Bytes of memory that a process holds right now. */
export function residentBytes(pid: number): number {
  const text = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(text)?.[1] ?? 0) * 1024;
}

/** What follows the name, which may hold spaces. */
function statusFields(path: string): string[] {
  try {
    const text = readFileSync(path, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
