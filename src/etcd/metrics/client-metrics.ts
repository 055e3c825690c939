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
    gauge("quorate_client_connections", "Open client connections.", () => connections.size),
    counter(
      "quorate_client_connections_closed_total",
      "Client connections closed by the server, by reason.",
      () => Object.entries(connections.closed).map(([reason, count]) => [count, { reason }]),
    ),
    gauge("quorate_client_calls", "Open gRPC calls, streams included.", () => grpc.calls),
    counter(
      "quorate_client_calls_refused_total",
      "Calls rejected because too many calls were open.",
      () => grpc.callsRefused,
    ),
    gauge(
      "quorate_client_unfinished_bytes",
      "Bytes of requests that are still being received.",
      () => intake.bytes,
    ),
    counter(
      "quorate_client_unfinished_refused_total",
      "Requests rejected because too many bytes were unfinished, or because the request took too long.",
      () => intake.refused,
    ),
    gauge(
      "quorate_client_unread_bytes",
      "Bytes of responses that clients have not read yet.",
      () => grpc.unreadBytes,
    ),
    counter(
      "quorate_client_unread_ended_total",
      "Calls and connections closed because the client did not read its responses.",
      () => grpc.unreadEnded,
    ),
  ];
}
