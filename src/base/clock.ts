import { clearTimeout, monotonicNow, setImmediate, setTimeout, wallNow } from "./system-time.ts";

/** Time as the portable ring sees it. The simulator has its own; `systemClock` is the real one. */
export interface Clock {
  /** Milliseconds since some fixed moment; never goes back. For durations and deadlines. */
  monotonic(): number;
  /** Milliseconds since 1970. For people, and for the time stamped into entries; may jump. */
  wall(): number;
  /** Calls `run` once after `ms`. */
  after(ms: number, run: () => void): Timer;
  /** Calls `run` soon, after the events that are already waiting: what arrives together is handled together. */
  soon(run: () => void): void;
}

/** A call that is scheduled on a `Clock`. */
export interface Timer {
  /** Keeps the call from happening. Does nothing once it has happened or was cancelled. */
  cancel(): void;
}

/** A longer time limit ends at once: run-times count timers in 31 bits. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  monotonic: () => monotonicNow(),
  wall: () => wallNow(),
  after(ms, run) {
    let handle: ReturnType<typeof setTimeout>;
    const wait = (left: number): void => {
      const next = left > TIMEOUT_MS_MAX ? () => wait(left - TIMEOUT_MS_MAX) : run;
      handle = setTimeout(next, Math.min(left, TIMEOUT_MS_MAX));
    };
    wait(ms);
    return { cancel: () => clearTimeout(handle) };
  },
  soon(run) {
    setImmediate(run);
  },
};
