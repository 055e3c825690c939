import type { Front } from "../call/front.ts";
import { counter, gauge, histogram, type Reading, type Series } from "./metric-series.ts";

/** A member's disk, and its traffic with the others: as far as its storage and its transport count. */
export function memberSeries(front: Front): Series[] {
  const Local = front.memberId.toString(16);
  const storage = () => front.store.parts.metrics().storage;
  const strangers = () => front.store.parts.metrics().strangers;
  const peers = (read: (peer: Peer) => Reading) => () => front.store.parts.metrics().peers.map(read);
  return [
    histogram("etcd_disk_wal_fsync_duration_seconds", "Writing what gathered, with its sync.", () => {
      const counted = storage();
      return counted === undefined ? [] : [[counted.writes]];
    }),
    gauge("etcd_disk_wal_write_bytes_total", "Bytes written to the WAL.", () => storage()?.bytesWritten ?? 0),
    gauge("quorate_disk_full", "1 while writes are refused because the disk is full.", () => {
      return Number(front.isDiskFull);
    }),
    gauge("etcd_network_known_peers", "Other members.", () => {
      return front.store.cluster.members
        .filter(({ id }) => BigInt(id) !== front.memberId)
        .map(({ id }) => [1, { Local, Remote: id.toString(16) }]);
    }),
    gauge(
      "etcd_network_active_peers",
      "Members with which connections stand.",
      peers(({ id, isUp }) => [Number(isUp), { Local, Remote: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_sent_bytes_total",
      "Bytes sent to a member.",
      peers(({ id, sentBytes }) => [sentBytes, { To: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_received_bytes_total",
      "Bytes from a member.",
      peers(({ id, receivedBytes }) => [receivedBytes, { From: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_sent_failures_total",
      "Frames for a member for which there was no way or no room.",
      peers(({ id, framesDropped }) => [framesDropped, { To: id.toString(16) }]),
    ),
    counter(
      "etcd_network_peer_received_failures_total",
      "Connections with a member given up because of a damaged, malformed or unfinished frame.",
      peers(({ id, connectionsBroken }) => [connectionsBroken, { From: id.toString(16) }]),
    ),
    gauge(
      "quorate_network_strangers",
      "Connections at the members' port that have not proved to be a member's yet.",
      () => strangers()?.waiting ?? 0,
    ),
    counter(
      "quorate_network_strangers_displaced_total",
      "Of these, closed to make room for newer ones, or because too many TLS handshakes began at once.",
      () => strangers()?.displaced ?? 0,
    ),
    counter(
      "quorate_network_strangers_refused_total",
      "Of these, refused: without proof, not a member, malformed, or too slow.",
      () => strangers()?.refused ?? 0,
    ),
  ];
}

type Peer = ReturnType<Front["store"]["parts"]["metrics"]>["peers"][number];
