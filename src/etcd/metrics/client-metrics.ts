import type { Connections } from "../grpc/connections.ts";
import type { GrpcServer } from "../grpc/grpc-server.ts";
import type { Intake } from "../grpc/intake.ts";
import { counter, gauge, type Series } from "./metric-series.ts";

/** Who holds what of this process for clients. */
export interface ServedClients {
  readonly connections: Connections;
  readonly intake: Intake;
  readonly grpc: GrpcServer;
}

/** The connections of clients, and the limits that they meet. */
export function clientSeries({ connections, intake, grpc }: ServedClients): Series[] {
  return [
    gauge("quorate_client_connections", "Open connections of clients.", () => connections.size),
    counter(
      "quorate_client_connections_closed_total",
      "Connections of clients closed by the server, and why.",
      () => Object.entries(connections.closed).map(([reason, count]) => [count, { reason }]),
    ),
    gauge("quorate_client_calls", "Open calls of gRPC, streams included.", () => grpc.calls),
    counter(
      "quorate_client_calls_refused_total",
      "Calls refused because too many were open.",
      () => grpc.callsRefused,
    ),
    gauge(
      "quorate_client_unfinished_bytes",
      "Bytes of requests that have begun and not ended.",
      () => intake.bytes,
    ),
    counter(
      "quorate_client_unfinished_refused_total",
      "Requests refused or given up because too much was unfinished, or for too long.",
      () => intake.refused,
    ),
    gauge(
      "quorate_client_unread_bytes",
      "Bytes of answers that wait for clients to read them.",
      () => grpc.unreadBytes,
    ),
    counter(
      "quorate_client_unread_ended_total",
      "Calls and connections ended because their clients did not read.",
      () => grpc.unreadEnded,
    ),
  ];
}
