/** How much memory a process may take. Null where nobody knows. */
export interface MemoryLimits {
  /** What V8 lets objects take that live for long: above it the process ends with a fatal error. */
  readonly heapBytes: number | null;
  /** What the container, or else the machine, lets the process take: above it the kernel ends the process. */
  readonly processBytes: number | null;
}

/** How a member spends the memory that there is. */
export interface MemoryBudget {
  /** The smaller of the limits, as it counts for the heap; infinite where none is known. */
  readonly heapBytes: number;
  /** What keys, values, history, leases and sessions may weigh. */
  readonly stateBytes: number;
  /** What the log may take before a snapshot lets it be forgotten, and what commands that wait may take. */
  readonly logBytes: number;
}

/** Of a process, what its heap may be, so that there is room for buffers, code, stacks and what is not collected yet. */
const HEAP_SHARE = 1 / 2;
/**
 * Of the heap, what may be alive after a collection. With less than a fifth free V8 gives up ("ineffective
 * mark-compacts"), and before that it does little else but collect.
 */
export const LIVE_SHARE = 0.7;
const LOG_SHARE = 1 / 8;
/** Modules, connections, callers. */
const PROGRAM_BYTES = 16 * 1024 * 1024;
/** Of the heap, what a state may take where it is so small that all would go to the program. */
const STATE_SHARE_MIN = 1 / 8;

/** Divides the memory that there is. The rest is for the program that a member lives in. */
export function memoryBudget({ heapBytes, processBytes }: MemoryLimits): MemoryBudget {
  const heap = Math.min(
    heapBytes ?? Number.POSITIVE_INFINITY,
    (processBytes ?? Number.POSITIVE_INFINITY) * HEAP_SHARE,
  );
  const state = heap * (LIVE_SHARE - LOG_SHARE) - PROGRAM_BYTES;
  return {
    heapBytes: heap,
    stateBytes: Math.floor(Math.max(state, heap * STATE_SHARE_MIN)),
    logBytes: Math.floor(heap * LOG_SHARE),
  };
}

/** `96 MiB`, `1.5 GiB`. */
export function bytesText(bytes: number): string {
  const mebibytes = bytes / 1024 ** 2;
  return mebibytes < 1024
    ? `${Number(mebibytes.toPrecision(3))} MiB`
    : `${Number((mebibytes / 1024).toPrecision(3))} GiB`;
}
