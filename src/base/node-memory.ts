import { totalmem } from "node:os";
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { LIVE_SHARE, type MemoryLimits } from "./memory-budget.ts";
import { clearInterval, setInterval } from "./system-time.ts";

const MIB = 1024 * 1024;
/** A semi-space of V8's young generation, of which the limit of the heap counts three, unless a flag says otherwise. */
const SEMI_SPACE_MIB = 16;
/** Of the limit of the heap, what objects that live for long have at least, whatever the young generation takes. */
const OLD_SHARE_MIN = 1 / 2;

/** What this process may take, as V8 and the system tell it. */
export function memoryLimits(): MemoryLimits {
  return { heapBytes: oldHeapLimit(), processBytes: processLimit() };
}

function oldHeapLimit(): number | null {
  const { heap_size_limit: limit } = getHeapStatistics();
  if (!(limit > 0)) return null;
  return Math.max(limit - 3 * semiSpaceMib() * MIB, limit * OLD_SHARE_MIN);
}

function semiSpaceMib(): number {
  const flags = [process.env.NODE_OPTIONS ?? "", ...process.execArgv].join(" ");
  const given = [...flags.matchAll(/--max[-_]semi[-_]space[-_]size[= ](\d+)/g)].at(-1);
  return given === undefined ? SEMI_SPACE_MIB : Number(given[1]);
}

/** Where nothing limits the process, Node tells 0, nothing, or more than any machine has. */
function processLimit(): number | null {
  const constrained = process.constrainedMemory?.() ?? 0;
  const machine = totalmem();
  if (constrained > 0 && constrained < machine) return constrained;
  return machine > 0 ? machine : null;
}

/** How often the numbers are looked at. */
const LOOK_MS = 100;
/** Of the heap's limit, what is alive after a collection when memory is short, and until it is not any more. */
const SHORT_HEAP_SHARE = LIVE_SHARE + 0.04;
const ENOUGH_HEAP_SHARE = LIVE_SHARE - 0.06;
/**
 * Of the heap's limit, what is used when memory is short whatever of it is alive: V8 collects when half of what was left is
 * taken, so at least LIVE_SHARE was alive then.
 */
const FULL_HEAP_SHARE = (1 + LIVE_SHARE) / 2;
/** Of the process's limit, what is resident when memory is short, and until it is not any more. */
const SHORT_RESIDENT_SHARE = 0.9;
const ENOUGH_RESIDENT_SHARE = 0.85;

/**
 * Watches whether this process is about to run out of memory. What is alive in the heap is known after each full
 * collection; between two of them it can only be less than what is used.
 */
export class MemoryGauge {
  readonly #limits: MemoryLimits;
  readonly #timer: NodeJS.Timeout;
  readonly #observer: PerformanceObserver | null;
  /** What was used right after the last full collection; V8 collects long before the heap is half full. */
  #aliveBytes = 0;
  #isShort = false;

  constructor(limits: MemoryLimits = memoryLimits()) {
    this.#limits = limits;
    this.#observer = this.#observe();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  /** Whether what comes next might end this process. */
  get isShort(): boolean {
    return this.#isShort;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#observer?.disconnect();
  }

  /** Null where the run time does not tell of collections: then what is used counts. */
  #observe(): PerformanceObserver | null {
    const { supportedEntryTypes = [] } = PerformanceObserver as { supportedEntryTypes?: readonly string[] };
    if (!supportedEntryTypes.includes("gc")) return null;
    const observer = new PerformanceObserver((list) => {
      if (!list.getEntries().some(isFullCollection)) return;
      this.#aliveBytes = getHeapStatistics().used_heap_size;
      this.#look();
    });
    observer.observe({ entryTypes: ["gc"] });
    return observer;
  }

  #look(): void {
    const used = getHeapStatistics().used_heap_size;
    const alive = this.#observer === null ? used : Math.min(used, this.#aliveBytes);
    const heap = this.#shareOf(alive, this.#limits.heapBytes);
    const isFull = this.#shareOf(used, this.#limits.heapBytes) > FULL_HEAP_SHARE;
    const resident = this.#shareOf(process.memoryUsage.rss(), this.#limits.processBytes);
    if (isFull || heap > SHORT_HEAP_SHARE || resident > SHORT_RESIDENT_SHARE) this.#isShort = true;
    else if (heap < ENOUGH_HEAP_SHARE && resident < ENOUGH_RESIDENT_SHARE) this.#isShort = false;
  }

  #shareOf(bytes: number, limit: number | null): number {
    return limit === null ? 0 : bytes / limit;
  }
}

function isFullCollection(entry: PerformanceEntry): boolean {
  const { kind } = ((entry as { detail?: unknown }).detail ?? {}) as { readonly kind?: number };
  return kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
