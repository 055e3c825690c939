/** A store, served to etcd's clients. */
export type { AuditEvent } from "./audit.ts";
export type { ClientLimits } from "./client-limits.ts";
export type { ServedStore } from "./front.ts";
export type { EtcdOptions } from "./options.ts";
export { type EtcdServer, serveEtcd } from "./server.ts";
