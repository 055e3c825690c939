import { cpus } from "node:os";

/** One figure of a benchmark. Repeat, and give the median: a single run means little. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The smallest and the largest of the runs. */
  readonly spread?: readonly [smallest: number, largest: number];
}

/** Prints what a benchmark found and on which machine: a table, or JSON when the command line says `--json`. */
export function report(question: string, measurements: readonly Measurement[]): void {
  const machine = { processor: cpus()[0]?.model.trim(), cores: cpus().length, node: process.version };
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ question, machine, measurements }, null, 2));
    return;
  }
  console.log(`${question}\n(${machine.cores} × ${machine.processor}, Node ${machine.node})\n`);
  for (const { name, value, unit, spread } of measurements) {
    const range = spread === undefined ? "" : `  (${rounded(spread[0])} to ${rounded(spread[1])})`;
    console.log(`${name.padEnd(44)}${rounded(value).padStart(12)} ${unit}${range}`);
  }
}

function rounded(value: number): string {
  return value.toLocaleString("en", { maximumSignificantDigits: 4 });
}
