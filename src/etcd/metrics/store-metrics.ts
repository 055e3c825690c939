import { METHODS } from "../../wire/services.ts";
import type { CallCounts, MethodCounts } from "../call/call-counts.ts";
import type { Front } from "../call/front.ts";
import { counter, gauge, type Series } from "./metric-series.ts";

/** What the store holds, and what was done to it. */
export function storeSeries(front: Front, calls: CallCounts): Series[] {
  const numbers = () => front.store.metrics();
  const { counts } = front.machine;
  return [
    counter("etcd_mvcc_put_total", "Puts that were applied here.", () => counts.puts),
    counter("etcd_mvcc_delete_total", "Deletes that were applied here.", () => counts.deletes),
    counter("etcd_mvcc_range_total", "Ranges that were read here.", () => counts.ranges),
    counter("etcd_mvcc_txn_total", "Commands of several operations.", () => counts.txns),
    gauge("etcd_mvcc_db_total_size_in_bytes", "What keys and history weigh.", () => numbers().heldBytes),
    gauge("etcd_mvcc_db_total_size_in_use_in_bytes", "The same: all is in use.", () => numbers().heldBytes),
    gauge("etcd_debugging_mvcc_keys_total", "Keys that exist.", () => numbers().keys),
    gauge("etcd_debugging_mvcc_watcher_total", "Watchers.", () => numbers().watchers),
    gauge("etcd_debugging_mvcc_slow_watcher_total", "Those that read on in the history.", () => {
      return numbers().watchersBehind;
    }),
    gauge("etcd_debugging_mvcc_watch_stream_total", "Streams of watches.", () => {
      return underWay(calls.of(METHODS.watch.path));
    }),
    counter("etcd_debugging_mvcc_events_total", "Events told.", () => numbers().watchEventsTotal),
    gauge("etcd_debugging_mvcc_current_revision", "The newest revision.", () => numbers().revision),
    gauge("etcd_debugging_mvcc_compact_revision", "The last compaction.", () => numbers().compactRevision),
    counter("etcd_debugging_lease_granted_total", "Leases granted.", () => counts.leasesGranted),
    counter("etcd_debugging_lease_revoked_total", "Leases ended.", () => counts.leasesRevoked),
    counter("etcd_debugging_lease_renewed_total", "Leases kept alive.", () => counts.leasesRenewed),
    counter("etcd_debugging_server_lease_expired_total", "Leases over.", () => counts.leasesExpired),
  ];
}

function underWay({ started, handled }: MethodCounts): number {
  return started - [...handled.values()].reduce((sum, ended) => sum + ended, 0);
}
