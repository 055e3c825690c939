import type { KvContext } from "./kv-context.ts";

/**
 * Numbers about a store as one member sees it. What counts something that happens ("…Total") grows from 0 at each start
 * of the member; the others are levels.
 */
export interface KvMetrics {
  readonly revision: number;
  readonly compactRevision: number;
  readonly keys: number;
  /** What keys, values, their history, leases and client sessions weigh in memory, about. */
  readonly heldBytes: number;
  readonly quotaBytes: number;
  /** 1 while writes are refused with ERR_NO_SPACE. */
  readonly outOfSpace: number;
  /** 1 while this process itself has hardly any memory left: of its heap, or of what its container may take. */
  readonly shortOfMemory: number;
  /** 1 while the memory of a compaction's history is not all freed yet. */
  readonly compacting: number;
  readonly leases: number;
  readonly sessions: number;
  readonly watchers: number;
  /** Watchers that read on in the history because they did not keep up. */
  readonly watchersBehind: number;
  readonly commandsTotal: number;
  /** Commands that were refused and so changed nothing. */
  readonly refusalsTotal: number;
  /** Events that watchers were handed. */
  readonly watchEventsTotal: number;
}

export function kvMetrics({ machine, limits, memory }: KvContext): KvMetrics {
  const { store, leases, sessions, watches, counts } = machine;
  return {
    revision: store.revision,
    compactRevision: store.compactRevision,
    keys: store.liveKeys,
    heldBytes: machine.heldBytes,
    quotaBytes: limits.quotaBytes,
    outOfSpace: Number(machine.isOutOfSpace),
    shortOfMemory: Number(memory.isShort),
    compacting: Number(!store.compaction.isDone),
    leases: leases.size,
    sessions: sessions.size,
    watchers: watches.size,
    watchersBehind: watches.countBehind(),
    commandsTotal: counts.commands,
    refusalsTotal: counts.refusals,
    watchEventsTotal: watches.eventsTaken,
  };
}
