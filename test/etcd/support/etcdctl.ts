import { spawn } from "node:child_process";
import { type Finished, run, runWell } from "../../../scripts/process.ts";

const ENVIRONMENT = { ETCDCTL_API: "3" };
Object.assign(process.env, ENVIRONMENT);

/** Runs etcdctl, which must succeed, and gives what it printed. */
export async function etcdctl(endpoint: string, ...args: readonly string[]): Promise<string> {
  return (await runWell("etcdctl", [`--endpoints=${endpoint}`, ...args], "/tmp", 60_000)).trim();
}

/** Runs etcdctl, whatever comes of it. */
export function tryEtcdctl(endpoint: string, ...args: readonly string[]): Promise<Finished> {
  return run("etcdctl", [`--endpoints=${endpoint}`, ...args], "/tmp", 60_000);
}

/** A run of etcdctl that goes on until it is ended. */
export interface RunningEtcdctl {
  /** Resolves with everything printed once that contains `text`. */
  printed(text: string): Promise<string>;
  /** Ends it as Ctrl-C does. */
  interrupt(): Promise<void>;
  write(text: string): void;
}

export function startEtcdctl(endpoint: string, ...args: readonly string[]): RunningEtcdctl {
  const child = spawn("etcdctl", [`--endpoints=${endpoint}`, ...args], { stdio: "pipe" });
  let output = "";
  let heard = (): void => {};
  const hear = (text: string): void => {
    output += text;
    heard();
  };
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  return {
    printed: (text) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`etcdctl printed only: ${output}`)), 20_000);
        heard = () => {
          if (!output.includes(text)) return;
          clearTimeout(timer);
          resolve(output);
        };
        heard();
      }),
    interrupt: async () => {
      child.kill("SIGINT");
      if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
    },
    write: (text) => void child.stdin.write(text),
  };
}
