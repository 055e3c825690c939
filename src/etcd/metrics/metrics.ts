import type { ServerResponse } from "node:http";
import type { Metric, Registry } from "prom-client";
import type { CallCounts } from "../call/call-counts.ts";
import type { Front } from "../call/front.ts";
import { callSeries } from "./call-metrics.ts";
import { clientSeries, type ServedClients } from "./client-metrics.ts";
import { memberSeries } from "./member-metrics.ts";
import { counter, type Series } from "./metric-series.ts";
import { serverSeries } from "./server-metrics.ts";
import { storeSeries } from "./store-metrics.ts";

type PromClient = typeof import("prom-client");

/** Prometheus' page, with etcd's names for what is the same here. */
export class Metrics {
  readonly #registry: Registry | null;
  #healthy = 0;
  #unhealthy = 0;

  static async create(front: Front, counts: CallCounts, clients: ServedClients): Promise<Metrics> {
    // Only the page needs the package; without it the page says so.
    return new Metrics(front, counts, clients, await import("prom-client").catch(() => null));
  }

  /** Use `create`. */
  constructor(front: Front, counts: CallCounts, clients: ServedClients, client: PromClient | null) {
    if (client === null) {
      this.#registry = null;
      return;
    }
    this.#registry = new client.Registry();
    client.collectDefaultMetrics({ register: this.#registry });
    const series = [...serverSeries(front), ...storeSeries(front, counts), ...memberSeries(front)];
    for (const each of [...series, ...callSeries(counts), ...clientSeries(clients), ...this.#health()])
      register(this.#registry, each);
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

  #health(): Series[] {
    return [
      counter("etcd_server_health_success", "Questions for health with a good answer.", () => this.#healthy),
      counter("etcd_server_health_failures", "Those with a bad one.", () => this.#unhealthy),
    ];
  }
}

/** The package's own metrics count for themselves; here it only has to write down what others have counted. */
function register(registry: Registry, { name, help, type, read }: Series): void {
  const metric = { name, get: () => ({ name, help, type, values: [...read()], aggregator: "sum" }) };
  registry.registerMetric(metric as unknown as Metric);
}
