import { METHODS } from "../../wire/services.ts";
import type { CallCounts, MethodCounts } from "../call/call-counts.ts";
import type { Front } from "../call/front.ts";
import { counter, gauge, type Series } from "./metric-series.ts";

/** What the store holds, and what was done to it. */
export function storeSeries(front: Front, calls: CallCounts): Series[] {
  const numbers = () => front.store.metrics();
  const { counts } = front.machine;
  return [
    counter("etcd_mvcc_put_total", "Puts applied by this member.", () => counts.puts),
    counter("etcd_mvcc_delete_total", "Deletes applied by this member.", () => counts.deletes),
    counter(
      "etcd_mvcc_range_total",
      "Ranges read on this member by clients and transactions.",
      () => counts.ranges,
    ),
    counter(
      "etcd_mvcc_txn_total",
      "Transactions with more than one operation applied by this member.",
      () => counts.txns,
    ),
    gauge(
      "etcd_mvcc_db_total_size_in_bytes",
      "Size of keys, values and their history, in bytes.",
      () => numbers().heldBytes,
    ),
    gauge(
      "etcd_mvcc_db_total_size_in_use_in_bytes",
      "Same as etcd_mvcc_db_total_size_in_bytes: all of it is in use.",
      () => numbers().heldBytes,
    ),
    gauge("etcd_debugging_mvcc_keys_total", "Existing keys.", () => numbers().keys),
    gauge("etcd_debugging_mvcc_watcher_total", "Watchers.", () => numbers().watchers),
    gauge("etcd_debugging_mvcc_slow_watcher_total", "Watchers that are behind and read from history.", () => {
      return numbers().watchersBehind;
    }),
    gauge("etcd_debugging_mvcc_watch_stream_total", "Open Watch streams.", () => {
      return underWay(calls.of(METHODS.watch.path));
    }),
    counter(
      "etcd_debugging_mvcc_events_total",
      "Events delivered to watchers.",
      () => numbers().watchEventsTotal,
    ),
    gauge("etcd_debugging_mvcc_current_revision", "Current revision of the store.", () => numbers().revision),
    gauge(
      "etcd_debugging_mvcc_compact_revision",
      "Revision of the last compaction.",
      () => numbers().compactRevision,
    ),
    counter("etcd_debugging_lease_granted_total", "Leases granted.", () => counts.leasesGranted),
    counter("etcd_debugging_lease_revoked_total", "Leases revoked.", () => counts.leasesRevoked),
    counter("etcd_debugging_lease_renewed_total", "Lease renewals.", () => counts.leasesRenewed),
    counter("etcd_debugging_server_lease_expired_total", "Leases that expired.", () => counts.leasesExpired),
  ];
}

function underWay({ started, handled }: MethodCounts): number {
  return started - [...handled.values()].reduce((sum, ended) => sum + ended, 0);
}
