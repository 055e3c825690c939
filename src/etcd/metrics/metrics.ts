import type { ServerResponse } from "node:http";
import type { CallCounts } from "../call/call-counts.ts";
import type { Front } from "../call/front.ts";
import { callSeries } from "./call-metrics.ts";
import { clientSeries, type ServedClients } from "./client-metrics.ts";
import { memberSeries } from "./member-metrics.ts";
import { counter, type Labels, type Series } from "./metric-series.ts";
import { processSeries } from "./process-metrics.ts";
import { serverSeries } from "./server-metrics.ts";
import { storeSeries } from "./store-metrics.ts";
import { formatSeries, TEXT_FORMAT } from "./text-format.ts";

/** One metric with its values at the moment when it was collected. */
export interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** `name` differs from the metric's for the `_bucket`, `_sum` and `_count` of a histogram. */
  readonly samples: readonly { readonly name: string; readonly labels: Labels; readonly value: number }[];
}

/** The metrics of one member, with etcd's names where the same thing is measured. */
export class Metrics {
  readonly #series: readonly Series[];
  readonly #process = processSeries();
  #healthy = 0;
  #unhealthy = 0;

  constructor(front: Front, counts: CallCounts, clients: ServedClients) {
    this.#series = [
      ...serverSeries(front),
      ...storeSeries(front, counts),
      ...memberSeries(front),
      ...callSeries(counts),
      ...clientSeries(clients),
      ...this.#health(),
    ];
  }

  /** Counts a health check. */
  checked(isHealthy: boolean): void {
    if (isHealthy) this.#healthy += 1;
    else this.#unhealthy += 1;
  }

  /** Returns every metric except those of the process, which an application's own registry has already. */
  collect(): readonly CollectedMetric[] {
    return this.#series.map(({ name, help, type, read }) => ({
      ...{ name, help, type },
      samples: [...read()].map(({ metricName = name, labels, value }) => ({
        name: metricName,
        labels,
        value,
      })),
    }));
  }

  /** Answers with the page that Prometheus reads. */
  serve(response: ServerResponse): void {
    const page = formatSeries([...this.#series, ...this.#process]);
    response.writeHead(200, { "content-type": TEXT_FORMAT });
    response.end(page);
  }

  #health(): Series[] {
    return [
      counter("etcd_server_health_success", "Health checks that succeeded.", () => this.#healthy),
      counter("etcd_server_health_failures", "Health checks that failed.", () => this.#unhealthy),
    ];
  }
}
