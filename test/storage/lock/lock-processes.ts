import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";

/** Whether namespaces can be made here: on Linux, as root. */
export const hasNamespaces = process.platform === "linux" && canUnshare();

/** Makes one file of a program in `test/`, which starts sooner than through tsx. */
export async function bundled(source: string, outfile: string): Promise<string> {
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    logLevel: "error",
  });
  const packages = join(dirname(outfile), "node_modules");
  if (!existsSync(packages)) symlinkSync(join(import.meta.dirname, "../../../node_modules"), packages);
  return outfile;
}

/** A process that answers each line with a line. */
export class LineProcess {
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  #errors = "";
  #rest = "";
  #wake: () => void = () => {};
  #hasEnded = false;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#child.stderr!.on("data", (text: Buffer) => {
      this.#errors += text.toString();
    });
    this.#child.stdout!.on("data", (text: Buffer) => {
      const lines = (this.#rest + text.toString()).split("\n");
      this.#rest = lines.pop()!;
      this.#lines.push(...lines);
      this.#wake();
    });
    this.#child.stdin!.on("error", () => {}); // It was killed.
    this.#child.once("exit", () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Everything that it wrote to the standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** The next line that it says; rejects when it ends before. */
  async line(): Promise<string> {
    while (this.#lines.length === 0) {
      if (this.#hasEnded) throw new Error(`the process has ended: ${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#lines.shift()!;
  }

  tell(command: string): void {
    this.#child.stdin!.write(`${command}\n`);
  }

  ask(command: string): Promise<string> {
    this.tell(command);
    return this.line();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.signal(signal);
    while (!this.#hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** Runs a command as process 1 of a pid namespace of its own, as in a container. It is killed together with `unshare`. */
export function contained(command: readonly string[]): [string, string[]] {
  return ["unshare", ["-p", "-f", "--mount-proc", "--kill-child=SIGKILL", ...command]];
}

/** The same under a kernel that gives its boot another name, as on another host. */
export function onOtherHost(bootIdFile: string, command: readonly string[]): [string, string[]] {
  const script = `mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"`;
  return contained(["sh", "-c", script, bootIdFile, ...command]);
}

function canUnshare(): boolean {
  try {
    execFileSync("unshare", ["-p", "-f", "--mount-proc", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false; // No root, or no such program.
  }
}
