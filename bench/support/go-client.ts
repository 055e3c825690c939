import { spawn } from "node:child_process";
import { buildGo } from "./go-program.ts";
import type { Sample } from "./load.ts";
import { own } from "./scratch.ts";

/** Loads whoever listens on a port through etcd's own Go client, on one connection, from a process of its own. */
export type GoClient = (
  kind: "put" | "get",
  port: number,
  callers: number,
  milliseconds: number,
) => Promise<Sample>;

/** Builds the program; null where Go or the module is missing, which is said. */
export function buildGoClient(): GoClient | null {
  const program = buildGo("go-client", "etcd's Go client");
  if (program === null) return null;
  return async (kind, port, callers, milliseconds) => {
    const options = {
      endpoint: `http://127.0.0.1:${port}`,
      kind,
      callers,
      milliseconds: Math.round(milliseconds),
    };
    const flags = Object.entries(options).map(([name, value]) => `-${name}=${value}`);
    const found = JSON.parse(await outputOf(program, flags)) as Omit<Sample, "cpuMicros">;
    return { ...found, cpuMicros: Number.NaN };
  };
}

function outputOf(program: string, args: readonly string[]): Promise<string> {
  const child = own(spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] }));
  let output = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (complaints += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`etcd's Go client gave up (${code})\n${complaints}`));
    });
  });
}
