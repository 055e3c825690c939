/** A store, served to etcd's clients. */
export type { AuditEvent } from "./call/audit.ts";
export type { ServedStore } from "./call/front.ts";
export type { ClientLimits } from "./client-limits.ts";
export type { Labels } from "./metrics/metric-series.ts";
export type { CollectedMetric } from "./metrics/metrics.ts";
export type { EtcdOptions } from "./options.ts";
export { type EtcdServer, serveEtcd } from "./server.ts";
