import { spawn } from "node:child_process";

export interface ChildOptions {
  readonly cwd?: string;
  /** In milliseconds, after which the child is ended. */
  readonly timeout: number;
  /** Whether an exit code other than zero is an answer, too. */
  readonly mayFail?: boolean;
}

/** Runs Node with these arguments and returns what it printed. Throws with its complaint when it fails or hangs. */
export function outputOf(
  args: readonly string[],
  { cwd, timeout, mayFail = false }: ChildOptions,
): Promise<string> {
  const child = spawn(process.execPath, args, { cwd, stdio: ["ignore", "pipe", "pipe"], timeout });
  let output = "";
  let complaint = "";
  child.stdout.on("data", (bytes) => (output += String(bytes)));
  child.stderr.on("data", (bytes) => (complaint += String(bytes)));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (signal !== null) reject(new Error(`a run of it does not come to an end (${signal})`));
      else if (code === 0 || mayFail) resolve(output);
      else reject(new Error(complaint.trim()));
    });
  });
}
