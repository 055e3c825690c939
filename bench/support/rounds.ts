import { type Measurement, rounded } from "../report.ts";
import { isInterrupted } from "./interrupt.ts";
import type { Sample } from "./load.ts";
import { progress } from "./options.ts";
import { median, spread } from "./statistics.ts";

/** One of those that are compared. */
export interface Contender {
  readonly name: string;
  /** Loads it for so long. */
  run(milliseconds: number): Promise<Sample>;
}

/** What one contender did, round by round. */
export class Series {
  readonly name: string;
  readonly samples: Sample[] = [];

  constructor(name: string) {
    this.name = name;
  }

  median(pick: (sample: Sample) => number): number {
    return median(this.samples.map(pick));
  }

  /** Its rate, with all that goes with it, and compared with another one if given. */
  measurement(name: string, unit: string, base?: Series): Measurement {
    const values = this.samples.map(({ perSecond }) => perSecond);
    const [p50, p99, cpuMicros] = (["p50", "p99", "cpuMicros"] as const).map((key) =>
      this.median((sample) => sample[key]),
    );
    return {
      name,
      value: median(values),
      unit,
      spread: spread(values),
      ...(Number.isNaN(p50) ? {} : { latency: { p50: p50!, p99: p99! } }),
      ...(Number.isNaN(cpuMicros) ? {} : { cpuMicros: cpuMicros! }),
      ...(base === undefined || base === this
        ? {}
        : { ratio: { to: base.name, value: ratio(this, base, ({ perSecond }) => perSecond) } }),
    };
  }
}

/** Each contender once, one after the other, and each after a warm-up of its own. Tells of each as it goes. */
export async function round(
  contenders: readonly Contender[],
  series: readonly Series[],
  milliseconds: number,
  warmUpMs: number,
): Promise<void> {
  for (const [at, contender] of contenders.entries()) {
    if (isInterrupted()) return;
    if (warmUpMs > 0) await contender.run(warmUpMs);
    const sample = await contender.run(milliseconds);
    series[at]!.samples.push(sample);
    const latency = Number.isNaN(sample.p50) ? "" : `, p50 ${rounded(sample.p50)} ms`;
    progress(`  ${contender.name}: ${rounded(sample.perSecond)} per second${latency}`);
  }
}

/** Rounds go through all contenders, A, B, A, B, so that a slow moment of the machine hits each of them. */
export async function alternate(
  contenders: readonly Contender[],
  rounds: number,
  milliseconds: number,
  warmUpMs = milliseconds / 4,
): Promise<Series[]> {
  const series = contenders.map(({ name }) => new Series(name));
  for (let at = 0; at < rounds && !isInterrupted(); at++)
    await round(contenders, series, milliseconds, warmUpMs);
  return series.filter(({ samples }) => samples.length > 0);
}

/** The median of the ratios of each round: rounds are near in time, so the machine's drift falls out. */
export function ratio(over: Series, under: Series, pick: (sample: Sample) => number): number {
  return median(ratios(over, under, pick));
}

/** Round by round. */
export function ratios(over: Series, under: Series, pick: (sample: Sample) => number): number[] {
  return over.samples.map((sample, at) => pick(sample) / pick(under.samples[at]!));
}
