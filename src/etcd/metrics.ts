import type { ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import type { CallCounts } from "./call-counts.ts";
import type { Front } from "./front.ts";
import { minorVersion } from "./maintenance-service.ts";
import { METHODS } from "./wire/services.ts";

type PromClient = typeof import("prom-client");

/** One series of numbers: read when somebody asks for it. */
interface Reading {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly labels?: readonly string[];
  read(): readonly (readonly [value: number, labels?: Record<string, string>])[];
}

/** Prometheus' page, with etcd's names for what is the same here. */
export class Metrics {
  readonly #front: Front;
  readonly #counts: CallCounts;
  readonly #registry: Registry | null;
  #healthy = 0;
  #unhealthy = 0;

  static async create(front: Front, counts: CallCounts): Promise<Metrics> {
    // Only the page needs the package; without it the page says so.
    return new Metrics(front, counts, await import("prom-client").catch(() => null));
  }

  /** Use `create`. */
  constructor(front: Front, counts: CallCounts, client: PromClient | null) {
    this.#front = front;
    this.#counts = counts;
    this.#registry = client === null ? null : this.#register(client);
  }

  /** Counts a question for the member's health. */
  checked(isHealthy: boolean): void {
    if (isHealthy) this.#healthy += 1;
    else this.#unhealthy += 1;
  }

  async serve(response: ServerResponse): Promise<void> {
    if (this.#registry === null) {
      response.writeHead(501, { "content-type": "text/plain" });
      response.end("metrics need the package prom-client: npm install prom-client\n");
      return;
    }
    const page = await this.#registry.metrics();
    response.writeHead(200, { "content-type": this.#registry.contentType });
    response.end(page);
  }

  #register(client: PromClient): Registry {
    const registry = new client.Registry();
    client.collectDefaultMetrics({ register: registry });
    for (const reading of [...this.#levels(), ...this.#totals(), ...this.#calls()]) {
      const { name, help, labels = [] } = reading;
      const options = { name, help, labelNames: [...labels], registers: [registry] };
      if (reading.type === "gauge") {
        const gauge = new client.Gauge(options);
        Object.assign(gauge, {
          collect: () => {
            gauge.reset();
            for (const [value, at = {}] of reading.read()) gauge.set(at, value);
          },
        });
      } else {
        const counter = new client.Counter(options);
        Object.assign(counter, {
          collect: () => {
            counter.reset();
            for (const [value, at = {}] of reading.read()) counter.inc(at, value);
          },
        });
      }
    }
    return registry;
  }

  #levels(): Reading[] {
    const front = this.#front;
    const numbers = () => front.store.metrics();
    const gauge = (name: string, help: string, value: () => number): Reading => {
      return { name, help, type: "gauge", read: () => [[value()]] };
    };
    const label = (name: string, help: string, labelName: string, value: string): Reading => {
      return { name, help, type: "gauge", labels: [labelName], read: () => [[1, { [labelName]: value }]] };
    };
    return [
      gauge("etcd_server_has_leader", "Whether a leader is known.", () => numbers().hasLeader),
      gauge("etcd_server_is_leader", "Whether this member leads.", () => numbers().isLeader),
      gauge("etcd_server_is_learner", "Whether this member is a learner.", () =>
        Number(front.standing.isLearner),
      ),
      label("etcd_server_id", "This member's id in hex.", "server_id", front.memberId.toString(16)),
      label(
        "etcd_server_version",
        "The version that clients are told.",
        "server_version",
        front.settings.version,
      ),
      label(
        "etcd_cluster_version",
        "The cluster's version.",
        "cluster_version",
        minorVersion(front.settings.version),
      ),
      gauge("etcd_server_proposals_pending", "Commands that wait at this member.", () => numbers().proposals),
      gauge(
        "etcd_server_proposals_committed_total",
        "The index of the last committed entry.",
        () => numbers().commit,
      ),
      gauge(
        "etcd_server_proposals_applied_total",
        "The index of the last applied entry.",
        () => numbers().applied,
      ),
      gauge("etcd_server_quota_backend_bytes", "The store's quota.", () => numbers().quotaBytes),
      gauge(
        "etcd_mvcc_db_total_size_in_bytes",
        "What keys, values and history weigh.",
        () => numbers().heldBytes,
      ),
      gauge(
        "etcd_mvcc_db_total_size_in_use_in_bytes",
        "The same: nothing is held that is not in use.",
        () => numbers().heldBytes,
      ),
      gauge("etcd_debugging_mvcc_keys_total", "Keys that exist.", () => numbers().keys),
      gauge("etcd_debugging_mvcc_watcher_total", "Watchers.", () => numbers().watchers),
      gauge(
        "etcd_debugging_mvcc_slow_watcher_total",
        "Watchers that read on in the history.",
        () => numbers().watchersBehind,
      ),
      gauge("etcd_debugging_mvcc_current_revision", "The newest revision.", () => numbers().revision),
      gauge(
        "etcd_debugging_mvcc_compact_revision",
        "The revision of the last compaction.",
        () => numbers().compactRevision,
      ),
      gauge("etcd_network_known_peers", "Other members.", () => front.store.cluster.members.length - 1),
    ];
  }

  #totals(): Reading[] {
    const counter = (name: string, help: string, value: () => number): Reading => {
      return { name, help, type: "counter", read: () => [[value()]] };
    };
    return [
      counter(
        "etcd_server_leader_changes_seen_total",
        "How often another leader was seen.",
        () => this.#front.leaderChanges,
      ),
      counter("etcd_server_health_success", "Questions for health with a good answer.", () => this.#healthy),
      counter(
        "etcd_server_health_failures",
        "Questions for health with a bad answer.",
        () => this.#unhealthy,
      ),
      counter(
        "etcd_debugging_mvcc_events_total",
        "Events that watchers were told.",
        () => this.#front.store.metrics().watchEventsTotal,
      ),
      counter(
        "etcd_network_client_grpc_received_bytes_total",
        "Bytes of clients' messages.",
        () => this.#counts.receivedBytes,
      ),
      counter(
        "etcd_network_client_grpc_sent_bytes_total",
        "Bytes of messages to clients.",
        () => this.#counts.sentBytes,
      ),
    ];
  }

  #calls(): Reading[] {
    const labels = ["grpc_type", "grpc_service", "grpc_method"];
    const counter = (name: string, help: string, count: "started" | "received" | "sent"): Reading => {
      const read = () =>
        [...this.#counts.byPath].map(([path, counts]) => [counts[count], labelsOf(path)] as const);
      return { name, help, type: "counter", labels, read };
    };
    return [
      counter("grpc_server_started_total", "Calls that began.", "started"),
      counter("grpc_server_msg_received_total", "Messages of clients.", "received"),
      counter("grpc_server_msg_sent_total", "Messages to clients.", "sent"),
      {
        name: "grpc_server_handled_total",
        help: "Calls that ended, by gRPC's code.",
        type: "counter",
        labels: [...labels, "grpc_code"],
        read: () =>
          [...this.#counts.byPath].flatMap(([path, { handled }]) =>
            [...handled].map(
              ([code, count]) =>
                [count, { ...labelsOf(path), grpc_code: CODE_NAMES[code] ?? "Unknown" }] as const,
            ),
          ),
      },
    ];
  }
}

function labelsOf(path: string): Record<string, string> {
  const [, service = "", method = ""] = path.split("/");
  return { grpc_type: TYPES.get(path) ?? "unary", grpc_service: service, grpc_method: method };
}

const TYPE_NAMES = { neither: "unary", response: "server_stream", both: "bidi_stream" } as const;

const TYPES = new Map(Object.values(METHODS).map(({ path, streams }) => [path, TYPE_NAMES[streams]]));

/** gRPC's codes by number. */
const CODE_NAMES = [
  ...["OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists"],
  ...["PermissionDenied", "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange"],
  ...["Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated"],
];
