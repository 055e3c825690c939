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
    gauge(
      "etcd_server_has_leader",
      "1 if this member knows a leader, otherwise 0.",
      () => numbers().hasLeader,
    ),
    gauge("etcd_server_is_leader", "1 if this member is the leader, otherwise 0.", () => numbers().isLeader),
    gauge("etcd_server_is_learner", "1 if this member is a learner, otherwise 0.", () =>
      Number(front.standing.isLearner),
    ),
    gauge("etcd_server_id", "Id of this member in hexadecimal, as a label; the value is 1.", () => [
      [1, { server_id }],
    ]),
    gauge(
      "etcd_server_version",
      "Version of etcd that is reported to clients, as a label; the value is 1.",
      () => [[1, { server_version: version }]],
    ),
    gauge(
      "etcd_cluster_version",
      "Cluster version that is reported to clients, as a label; the value is 1.",
      () => [[1, { cluster_version: majorMinor }]],
    ),
    counter(
      "etcd_server_leader_changes_seen_total",
      "Leader changes seen by this member.",
      () => front.leaderChanges,
    ),
    gauge(
      "etcd_server_proposals_pending",
      "Commands proposed on this member that have not completed yet.",
      () => numbers().proposals,
    ),
    gauge("etcd_server_proposals_committed_total", "Last committed log index.", () => numbers().commit),
    gauge("etcd_server_proposals_applied_total", "Last applied log index.", () => numbers().applied),
    counter(
      "etcd_server_proposals_failed_total",
      "Commands proposed through this server that failed.",
      () => front.proposalsFailed,
    ),
    gauge("etcd_server_quota_backend_bytes", "Quota of the store, in bytes.", () => numbers().quotaBytes),
    gauge("etcd_debugging_server_alarms", "Active alarms, by type.", () => {
      return front.machine.alarms
        .all()
        .map(({ kind, member }) => [1, { server_id: member.toString(16), alarm_type: ALARM_NAMES[kind] }]);
    }),
    gauge("etcd_debugging_auth_revision", "Revision of users and roles.", () => {
      return front.machine.auth.revision;
    }),
  ];
}
