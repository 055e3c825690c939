import type { Alarm } from "../../../kv/machine/alarms.ts";
import type { KvMachine } from "../../../kv/machine/kv-machine.ts";
import type { KeyVersion, LeaseId, Revision } from "../../../kv/mvcc/key-history.ts";
import { ALL_KEYS, type Key } from "../../../kv/mvcc/key-range.ts";
import type { Index } from "../../../log/entry.ts";

/** What a store shows of itself to whoever reads it, rather than takes a snapshot of it. */
export interface KvView {
  readonly revision: Revision;
  readonly compactRevision: Revision;
  readonly keys: readonly KeyVersion[];
  /** Those from before the last change that can still be read. */
  readonly oldest: readonly KeyVersion[];
  readonly alarms: readonly Alarm[];
  readonly leases: readonly LeaseView[];
}

export interface LeaseView {
  readonly id: LeaseId;
  readonly ttlMs: number;
  readonly remainingMs: number;
  readonly renewedAt: Index;
  readonly keys: readonly Key[];
}

export function viewOf({ store, leases, alarms }: KvMachine): KvView {
  const { revision, compactRevision } = store;
  const oldest = store.range(ALL_KEYS, { revision: Math.max(1, compactRevision) }).versions;
  return {
    revision,
    compactRevision,
    keys: store.range(ALL_KEYS).versions,
    oldest,
    alarms: alarms.all(),
    leases: [...leases.all()].map((lease) => ({ ...lease, keys: [...lease.keys].sort() })),
  };
}
