import { METHODS } from "../../wire/services.ts";
import { codeName } from "../../wire/status.ts";
import type { CallCounts, MethodCounts } from "../call/call-counts.ts";
import { counter, histogram, type Labels, type Reading, type Series } from "./metric-series.ts";

/** Calls of gRPC and of the JSON gateway, by method. */
export function callSeries(counts: CallCounts): Series[] {
  const each = (value: (counts: MethodCounts) => number) => (): Reading[] =>
    [...counts.byPath].map(([path, method]) => [value(method), labelsOf(path)]);
  return [
    counter(
      "grpc_server_started_total",
      "Calls started, by method.",
      each(({ started }) => started),
    ),
    counter(
      "grpc_server_msg_received_total",
      "Messages received from clients, by method.",
      each(({ received }) => received),
    ),
    counter(
      "grpc_server_msg_sent_total",
      "Messages sent to clients, by method.",
      each(({ sent }) => sent),
    ),
    counter("grpc_server_handled_total", "Calls completed, by method and gRPC status code.", () => {
      return [...counts.byPath].flatMap(([path, { handled }]) =>
        [...handled].map(
          ([code, count]): Reading => [count, { ...labelsOf(path), grpc_code: codeName(code) }],
        ),
      );
    }),
    histogram("grpc_server_handling_seconds", "Duration of calls, in seconds, by method.", () => {
      return [...counts.byPath]
        .filter(([, { handled }]) => handled.size > 0)
        .map(([path, { durations }]) => [durations, labelsOf(path)]);
    }),
    counter("etcd_network_client_grpc_received_bytes_total", "Bytes received from gRPC clients.", () => {
      return counts.receivedBytes;
    }),
    counter("etcd_network_client_grpc_sent_bytes_total", "Bytes sent to gRPC clients.", () => {
      return counts.sentBytes;
    }),
  ];
}

function labelsOf(path: string): Labels {
  const [, service = "", method = ""] = path.split("/");
  return { grpc_type: TYPES.get(path) ?? "unary", grpc_service: service, grpc_method: method };
}

const TYPE_NAMES = { neither: "unary", response: "server_stream", both: "bidi_stream" } as const;

const TYPES = new Map(Object.values(METHODS).map(({ path, streams }) => [path, TYPE_NAMES[streams]]));
