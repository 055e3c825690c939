import { quantile } from "./statistics.ts";

/** What one stretch of load came to. Times in milliseconds; NaN where they were not taken. */
export interface Sample {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Microseconds of processor time for each call, of all processes that serve it. */
  readonly cpuMicros: number;
  /** The same for whoever makes the calls, where that is a process of its own. */
  readonly loadMicros: number;
}

/** Makes the `at`-th call; it is over when the promise resolves. */
export type Call = (at: number) => Promise<unknown>;

/**
 * So many callers, each of whom calls again once it was answered. Tells what a system can do; the latencies are those
 * of a system that is as busy as these callers can make it.
 */
export async function closedLoop(callers: number, milliseconds: number, call: Call): Promise<Sample> {
  const latencies: number[] = [];
  const begin = performance.now();
  const end = begin + milliseconds;
  let calls = 0;
  const caller = async (): Promise<void> => {
    let asked = performance.now();
    while (asked < end) {
      await call(calls++);
      const answered = performance.now();
      latencies.push(answered - asked);
      asked = answered;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return sampleOf(latencies, performance.now() - begin);
}

/**
 * A call every so often, whether or not those before were answered. Latency is counted from when a call was due, so a
 * system that stands still for a while is charged for all who waited.
 */
export async function openLoop(perSecond: number, milliseconds: number, call: Call): Promise<Sample> {
  const latencies: number[] = [];
  const waiting: Promise<void>[] = [];
  const begin = performance.now();
  const count = Math.floor((perSecond * milliseconds) / 1000);
  for (let at = 0; at < count; at++) {
    const due = begin + (at * 1000) / perSecond;
    const early = due - performance.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    waiting.push(call(at).then(() => void latencies.push(performance.now() - due)));
  }
  await Promise.all(waiting);
  return sampleOf(latencies, performance.now() - begin);
}

/** What the closed loop itself costs for each call, in microseconds: the same, with nothing to wait for. */
export async function loadCost(callers: number): Promise<number> {
  const { perSecond } = await closedLoop(callers, 200, async () => {});
  return 1_000_000 / perSecond;
}

export function sampleOf(latencies: readonly number[], elapsedMs: number): Sample {
  const sorted = Float64Array.from(latencies).sort();
  return {
    perSecond: (sorted.length * 1000) / elapsedMs,
    p50: quantile(sorted, 0.5),
    p99: quantile(sorted, 0.99),
    max: sorted.at(-1) ?? Number.NaN,
    cpuMicros: Number.NaN,
    loadMicros: Number.NaN,
  };
}
