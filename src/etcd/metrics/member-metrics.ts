import type { Front } from "../call/front.ts";
import { counter, gauge, histogram, type Reading, type Series } from "./metric-series.ts";

/** A member's disk, and its traffic with the others: as far as its storage and its transport count. */
export function memberSeries(front: Front): Series[] {
  const Local = front.memberId.toString(16);
  const storage = () => front.parts.metrics().storage;
  const strangers = () => front.parts.metrics().strangers;
  const peers = (read: (peer: Peer) => Reading) => () => front.parts.metrics().peers.map(read);
  return [
    histogram(
      "etcd_disk_wal_fsync_duration_seconds",
      "Duration of a write to the WAL including its fsync, in seconds.",
      () => {
        const counted = storage();
        return counted === undefined ? [] : [[counted.writes]];
      },
    ),
    gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the WAL.", () => storage()?.bytesWritten ?? 0),
    gauge("quorate_disk_full", "1 while writes are refused because the disk is full.", () => {
      return Number(front.isDiskFull);
    }),
    gauge("etcd_network_known_peers", "Other members of the cluster.", () => {
      return front.store.cluster.members
        .filter(({ id }) => BigInt(id) !== front.memberId)
        .map(({ id }) => [1, { Local, Remote: id.toString(16) }]);
    }),
    gauge(
      "etcd_network_active_peers",
      "Members that this member is connected to.",
      peers(({ id, isUp }) => [Number(isUp), { Local, Remote: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_sent_bytes_total",
      "Bytes sent to a member.",
      peers(({ id, sentBytes }) => [sentBytes, { To: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_received_bytes_total",
      "Bytes received from a member.",
      peers(({ id, receivedBytes }) => [receivedBytes, { From: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_sent_failures_total",
      "Frames to a member that were dropped because it was not connected or its queue was full.",
      peers(({ id, framesDropped }) => [framesDropped, { To: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_received_failures_total",
      "Connections with a member closed because of a damaged, malformed or incomplete frame.",
      peers(({ id, connectionsBroken }) => [connectionsBroken, { From: id.toString(16) }]),
    ),
    gauge(
      "quorate_network_strangers",
      "Connections on the peer port that have not been authenticated as a member's yet.",
      () => strangers()?.waiting ?? 0,
    ),
    counter(
      "quorate_network_strangers_displaced_total",
      "Unauthenticated peer connections closed to make room for newer ones, or because too many TLS handshakes started at once.",
      () => strangers()?.displaced ?? 0,
    ),
    counter(
      "quorate_network_strangers_refused_total",
      "Unauthenticated peer connections rejected: no valid proof, not a member, malformed, or too slow.",
      () => strangers()?.refused ?? 0,
    ),
  ];
}

type Peer = ReturnType<Front["parts"]["metrics"]>["peers"][number];
