import { cpus } from "node:os";

/** One figure of a benchmark. Repeat, and give the median: a single run means little. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The smallest and the largest of the runs. */
  readonly spread?: readonly [smallest: number, largest: number];
  /** Milliseconds that half of the calls, and all but one in a hundred, stay below. */
  readonly latency?: { readonly p50: number; readonly p99: number };
  /** Microseconds of processor time for each call. */
  readonly cpuMicros?: number;
  /** What the value is compared with, where it is: the median of the ratios of each round. */
  readonly ratio?: { readonly to: string; readonly value: number };
}

/** Prints what a benchmark found and on which machine: a table, or JSON when the command line says `--json`. */
export function report(question: string, measurements: readonly Measurement[]): void {
  const machine = { processor: cpus()[0]?.model.trim(), cores: cpus().length, node: process.version };
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ question, machine, measurements }, null, 2));
    return;
  }
  console.log(`${question}\n(${machine.cores} × ${machine.processor}, Node ${machine.node})\n`);
  console.log(table(measurements).join("\n"));
}

/** Names to the left, values to the right; what only some have stands behind. */
function table(measurements: readonly Measurement[]): string[] {
  const width = Math.max(44, ...measurements.map(({ name }) => name.length + 2));
  return measurements.map(({ name, value, unit, spread, latency, cpuMicros, ratio }) => {
    const behind = [
      spread === undefined ? "" : `(${rounded(spread[0])} to ${rounded(spread[1])})`,
      latency === undefined ? "" : `p50 ${rounded(latency.p50)} ms, p99 ${rounded(latency.p99)} ms`,
      cpuMicros === undefined ? "" : `${rounded(cpuMicros)} µs CPU`,
      ratio === undefined ? "" : `${rounded(ratio.value)} × ${ratio.to}`,
    ];
    return [`${name.padEnd(width)}${rounded(value).padStart(12)} ${unit}`, ...behind.filter(Boolean)].join(
      "  ",
    );
  });
}

export function rounded(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}
