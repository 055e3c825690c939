import { spawn } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { framed } from "./etcd-wire.ts";
import type { Sample } from "./load.ts";
import { cpuSeconds, own } from "./scratch.ts";
import { quantile } from "./statistics.ts";

/** What h2load asks, again and again: a path and a message, which it takes from a file. */
export interface PreparedRequest {
  readonly url: string;
  readonly file: string;
}

export function prepareRequest(directory: string, name: string, message: Uint8Array): string {
  const file = join(directory, `request-${name}`);
  writeFileSync(file, framed(message));
  return file;
}

/** Loads a gRPC server with so many callers; up to 100 of them share a connection. */
export async function h2load(
  { url, file }: PreparedRequest,
  callers: number,
  milliseconds: number,
): Promise<Sample> {
  const log = `${file}.log`;
  const connections = Math.ceil(callers / 100);
  const args = [
    ...[`--clients=${connections}`, `--max-concurrent-streams=${callers / connections}`],
    ...[`--duration=${Math.round(milliseconds)}ms`, `--data=${file}`, `--log-file=${log}`],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers", url],
  ];
  const { output, cpu } = await outputOf(args);
  const perSecond = Number(/finished in [^,]+, ([\d.]+) req\/s/.exec(output)?.[1]);
  const failed = /(\d+) failed, (\d+) errored/.exec(output);
  if (!(perSecond > 0) || failed === null || Number(failed[1]) + Number(failed[2]) > 0)
    throw new Error(`h2load could not load ${url}\n${output}`);
  const sorted = microsecondsIn(log).sort();
  rmSync(log);
  return {
    perSecond,
    p50: quantile(sorted, 0.5) / 1000,
    p99: quantile(sorted, 0.99) / 1000,
    max: (sorted.at(-1) ?? Number.NaN) / 1000,
    cpuMicros: Number.NaN,
    loadMicros: (cpu * 1_000_000) / sorted.length,
  };
}

/** Rows of start, status and duration. */
function microsecondsIn(log: string): Float64Array {
  const rows = readFileSync(log, "latin1").trimEnd().split("\n");
  return Float64Array.from(rows, (row) => Number(row.slice(row.lastIndexOf("\t") + 1)));
}

function outputOf(args: readonly string[]): Promise<{ output: string; cpu: number }> {
  const child = own(spawn("h2load", args, { stdio: ["ignore", "pipe", "pipe"] }));
  let output = "";
  let cpu = 0;
  // Once it has ended nobody can tell any more.
  const watching = setInterval(() => {
    cpu = Math.max(cpu, cpuSeconds([child.pid!]));
  }, 20);
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", () => {
      clearInterval(watching);
      resolve({ output, cpu });
    });
  });
}
