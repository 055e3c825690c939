import type { Front } from "../call/front.ts";
import { ALARM_NAMES } from "../maintenance/alarms.ts";
import { counter, gauge, type Series } from "./metric-series.ts";

/** What a member is, and what becomes of proposals and reads. */
export function serverSeries(front: Front): Series[] {
  const numbers = () => front.store.metrics();
  const server_id = front.memberId.toString(16);
  const { version } = front.settings;
  const majorMinor = version.replace(/\.\d+$/, "");
  return [
    gauge("etcd_server_has_leader", "Whether a leader is known.", () => numbers().hasLeader),
    gauge("etcd_server_is_leader", "Whether this member leads.", () => numbers().isLeader),
    gauge("etcd_server_is_learner", "Whether it is a learner.", () => Number(front.standing.isLearner)),
    gauge("etcd_server_id", "This member's id in hex.", () => [[1, { server_id }]]),
    gauge("etcd_server_version", "What clients are told.", () => [[1, { server_version: version }]]),
    gauge("etcd_cluster_version", "The cluster's version.", () => [[1, { cluster_version: majorMinor }]]),
    counter("etcd_server_leader_changes_seen_total", "New leaders.", () => front.leaderChanges),
    gauge("etcd_server_proposals_pending", "Commands that wait here.", () => numbers().proposals),
    gauge("etcd_server_proposals_committed_total", "The last committed index.", () => numbers().commit),
    gauge("etcd_server_proposals_applied_total", "The last applied index.", () => numbers().applied),
    counter("etcd_server_proposals_failed_total", "Commands that failed.", () => front.proposalsFailed),
    gauge("etcd_server_quota_backend_bytes", "The store's quota.", () => numbers().quotaBytes),
    gauge("etcd_debugging_server_alarms", "Alarms that stand.", () => {
      return front.machine.alarms
        .all()
        .map(({ kind, member }) => [1, { server_id: member.toString(16), alarm_type: ALARM_NAMES[kind] }]);
    }),
    gauge("etcd_debugging_auth_revision", "Counts changes of users and roles.", () => {
      return front.machine.auth.revision;
    }),
  ];
}
