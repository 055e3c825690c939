import { bytesText, type MemoryBudget, type MemoryLimits, memoryBudget } from "./base/memory-budget.ts";
import { memoryLimits } from "./base/node-memory.ts";
import type { ReplicaLimits } from "./replica/options.ts";
import { DEFAULT_LIMITS } from "./replica/options.ts";
import { DEFAULT_DISK_LIMITS } from "./storage/layout/limits.ts";

/** How much of the memory of this process a member may take, and why. */
export interface MemoryChoice {
  readonly quotaBytes: number;
  /** What was chosen, as a sentence. */
  readonly reason: string;
  /** What an operator should know before memory runs out; null where all is well. */
  readonly warning: string | null;
}

/** Settles a quota: what was asked for, or else `usual`, or what fits where that is less. */
export function chooseQuota(
  asked: number | undefined,
  usual: number,
  limits: MemoryLimits = memoryLimits(),
): MemoryChoice {
  const { stateBytes } = memoryBudget(limits);
  const quotaBytes = asked ?? Math.min(usual, stateBytes);
  const memory = memoryText(limits);
  const reason = `the store may hold ${bytesText(quotaBytes)} (${asked === undefined ? `of ${memory}` : "as asked for"})`;
  // Who wants no quota does not want to hear of one either: the process's memory is watched all the same.
  const isTooMuch = asked !== undefined && Number.isFinite(asked) && asked > stateBytes;
  const isLess = asked === undefined && stateBytes < usual;
  if (!isTooMuch && !isLess) return { quotaBytes, reason, warning: null };
  const warning = isTooMuch
    ? `quotaBytes is ${bytesText(asked)}, but ${memory} leaves room for ${bytesText(stateBytes)}: writes may be refused before the quota is reached`
    : `the store may hold ${bytesText(quotaBytes)} instead of ${bytesText(usual)}, since there is no more room in ${memory}; set quotaBytes (--quota-backend-bytes) to choose otherwise`;
  return { quotaBytes, reason, warning };
}

/** The default limits of a member, with less where memory is short. */
export function limitsFor({ logBytes }: MemoryBudget): Partial<ReplicaLimits> {
  return {
    snapshotBytes: Math.min(DEFAULT_LIMITS.snapshotBytes, logBytes),
    proposalBytesMax: Math.min(
      DEFAULT_LIMITS.proposalBytesMax,
      Math.max(logBytes, DEFAULT_LIMITS.commandBytesMax),
    ),
  };
}

/** The length of a WAL segment: a start holds a whole one in memory. A power of two. */
export function segmentBytesFor({ logBytes }: MemoryBudget): number {
  const fitting = 2 ** Math.floor(Math.log2(Math.max(logBytes, SEGMENT_BYTES_MIN)));
  return Math.min(DEFAULT_DISK_LIMITS.segmentBytes, fitting);
}

/** The same, for this process. */
export function fittingSegmentBytes(): number {
  return segmentBytesFor(memoryBudget(memoryLimits()));
}

/** Segments grow from this length. */
const SEGMENT_BYTES_MIN = 1024 * 1024;

function memoryText({ heapBytes, processBytes }: MemoryLimits): string {
  const heap = heapBytes === null ? null : `a heap of ${bytesText(heapBytes)}`;
  const whole = processBytes === null ? null : `${bytesText(processBytes)} for the process`;
  return [heap, whole].filter((part) => part !== null).join(" and ") || "unlimited memory";
}

/** Tells the program, in Node's way to do so. */
export function warnOfMemory(warning: string | null): void {
  if (warning === null) return;
  process.emitWarning(warning, { type: "QuorateWarning", code: "QUORATE_MEMORY" });
}
