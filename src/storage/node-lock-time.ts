import timers from "node:timers";

/** Milliseconds that only grow. */
const now = performance.now.bind(performance);
const { setTimeout, clearTimeout } = timers;

export function monotonic(): number {
  return now();
}

export function startTimer(ms: number, run: () => void): { cancel(): void; unref(): void } {
  const timer = setTimeout(run, ms);
  return { cancel: () => clearTimeout(timer), unref: () => void timer.unref() };
}
