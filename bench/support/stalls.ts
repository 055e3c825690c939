import { readFileSync } from "node:fs";
import { PerformanceObserver } from "node:perf_hooks";
import type { Measurement } from "../report.ts";

/** Stalls that last longer are counted: what the store does in the background must stay below. */
const GOAL_MS = 20;
/** A timer of a millisecond is late by this much anyhow. */
const NOISE_MS = 2;

interface Span {
  readonly begin: number;
  readonly end: number;
}

interface Stall extends Span {
  /** Milliseconds for which this thread had the processor. */
  readonly busy: number;
}

/**
 * Looks how long the event loop stands still: the time between two timers of a millisecond each. Garbage collections are
 * told apart, and so is what other processes took where the system tells (Linux). The steps in which the collector marks
 * a large heap beforehand are not, since nobody is told of them: `node --trace-gc` shows the largest.
 */
export class StallProbe {
  readonly #collections: Span[] = [];
  readonly #observer = new PerformanceObserver((list) => {
    for (const { startTime, duration } of list.getEntries())
      this.#collections.push({ begin: startTime, end: startTime + duration });
  });
  #stalls: Stall[] = [];
  #last = performance.now();
  #lastBusy = busyMs();
  #isOver = false;

  constructor() {
    this.#observer.observe({ entryTypes: ["gc"] });
    this.#look();
  }

  stop(): void {
    this.#isOver = true;
    this.#observer.disconnect();
  }

  /** Does some work, and says how long it took and what it did to the loop. */
  async during(name: string, work: () => Promise<unknown>): Promise<Measurement[]> {
    await pause(50);
    this.#stalls = [];
    const begin = performance.now();
    await work();
    const seconds = (performance.now() - begin) / 1000;
    await pause(50);
    const longest = Math.max(0, ...this.#stalls.map((stall) => stall.end - stall.begin));
    const own = this.#stalls.map((stall) => this.#ownMs(stall));
    const collections = this.#collections.filter((collection) => collection.begin >= begin);
    const longestCollection = Math.max(
      0,
      ...collections.map((collection) => collection.end - collection.begin),
    );
    return [
      { name, value: seconds, unit: "s" },
      { name: "  longest stall, whatever the cause", value: longest, unit: "ms" },
      { name: "  longest collection", value: longestCollection, unit: "ms" },
      { name: "  longest without collections", value: Math.max(0, ...own), unit: "ms" },
      { name: `  of these above ${GOAL_MS} ms`, value: own.filter((ms) => ms > GOAL_MS).length, unit: "" },
    ];
  }

  #look(): void {
    setTimeout(() => {
      const end = performance.now();
      const busy = busyMs();
      if (end - this.#last > 1 + NOISE_MS)
        this.#stalls.push({
          begin: this.#last,
          end,
          busy: Math.min(busy - this.#lastBusy, end - this.#last),
        });
      this.#last = end;
      this.#lastBusy = busy;
      if (!this.#isOver) this.#look();
    }, 1);
  }

  /** What of a stall was neither the collector nor another process; both are thought to be spread over it evenly. */
  #ownMs({ begin, end, busy }: Stall): number {
    let collected = 0;
    for (const collection of this.#collections)
      collected += Math.max(0, Math.min(end, collection.end) - Math.max(begin, collection.begin));
    return busy * Math.max(0, 1 - collected / (end - begin));
  }
}

/** Processor time of the thread that runs this, or all time where the system does not tell. */
function busyMs(): number {
  try {
    const path = `/proc/self/task/${process.pid}/schedstat`;
    return Number(readFileSync(path, "latin1").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
