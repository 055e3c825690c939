import type { SecureContextOptions, TlsOptions } from "node:tls";
import { exact } from "../base/surplus.ts";
import { serveAuth } from "./auth/auth-service.ts";
import { Audit } from "./call/audit.ts";
import { checkServed, Front, type ServedStore } from "./call/front.ts";
import { Guard } from "./call/guard.ts";
import { LeaderWatch } from "./call/leader-watch.ts";
import { AdvertiseUrls } from "./cluster/advertise-urls.ts";
import { serveCluster } from "./cluster/cluster-service.ts";
import { type Endpoint, endpointsOf, metricsEndpointsOf } from "./endpoints.ts";
import { Connections } from "./grpc/connections.ts";
import { GrpcServer } from "./grpc/grpc-server.ts";
import { Intake } from "./grpc/intake.ts";
import { serveHealth } from "./health-service.ts";
import { Gateway } from "./http/gateway.ts";
import { httpFront } from "./http/http-front.ts";
import { serveKv } from "./kv/kv-service.ts";
import { serveLease } from "./lease/lease-service.ts";
import { type Acceptors, Listener } from "./listener.ts";
import { CorruptionWatch } from "./maintenance/corruption-watch.ts";
import { serveMaintenance } from "./maintenance/maintenance-service.ts";
import { type CollectedMetric, Metrics } from "./metrics/metrics.ts";
import { ETCD_OPTIONS, type EtcdOptions, etcdSettings, MESSAGE_OVERHEAD_BYTES } from "./options.ts";
import { serveElection } from "./recipes/election-service.ts";
import { serveLock } from "./recipes/lock-service.ts";
import { checkServerTls, renewedTls } from "./server-tls.ts";
import { Services } from "./services.ts";
import { serveWatch } from "./watch/watch-service.ts";

/** A running front. */
export interface EtcdServer {
  /** Where it listens, with the ports that were bound. */
  readonly urls: readonly string[];
  /** Where it serves health and metrics besides. */
  readonly metricsUrls: readonly string[];
  /**
   * Uses other certificates for connections from now on; what is left out stays as it was. Throws ERR_INVALID_ARGUMENT,
   * and changes nothing, where they cannot be used, and where nothing is served over TLS.
   */
  setSecureContext(options: SecureContextOptions): void;
  /**
   * Returns the metrics of `/metrics`, except those of the process, for a registry of your own. They are read at each
   * call and cost nothing in between.
   */
  collect(): readonly CollectedMetric[];
  /**
   * Takes no new connections, tells clients to go elsewhere, lets calls under way finish for a while, and ends. The
   * store goes on. May be called again.
   */
  close(): Promise<void>;
}

/** How long calls may go on once the server is closed. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Serves a store to etcd's clients: gRPC, and HTTP with JSON, health and metrics on the same port. Resolves when it
 * listens.
 *
 * Throws ERR_INVALID_ARGUMENT, ERR_CLOSED for a store that is closed or has failed, ERR_LISTEN, and ERR_INSECURE for an
 * address that others reach without TLS unless `insecure` is said.
 *
 * @example
 * ```ts
 * import { open } from "quorate";
 * import { connect } from "quorate/client";
 * import { serveEtcd } from "quorate/etcd";
 *
 * const store = await open({});
 * const server = await serveEtcd(store, { listen: { host: "127.0.0.1", port: 0 } });
 * const remote = await connect({ endpoints: server.urls });
 * await remote.put("colour", "blue");
 * console.log(await store.get("colour")); // → blue
 * await remote.close();
 * await server.close();
 * await store.close();
 * ```
 */
export const serveEtcd = exact(
  "serveEtcd",
  2,
  async function serveEtcd(store: ServedStore, options: EtcdOptions): Promise<EtcdServer> {
    ETCD_OPTIONS.check(options);
    checkServed(store);
    checkServerTls(options);
    const settings = etcdSettings(options);
    const messageBytesMax = settings.requestBytesMax + MESSAGE_OVERHEAD_BYTES;
    const endpoints = endpointsOf(options);
    const metricsEndpoints = metricsEndpointsOf(options);

    const front = new Front(store, settings);
    const leaderWatch = new LeaderWatch(front);
    const corruptionWatch = new CorruptionWatch(front);
    const services = allServices(front, leaderWatch, new Audit(front, options.auditWrites === true));
    const { limits } = settings;
    const intake = new Intake(limits);
    const connections = new Connections(limits, intake);
    const insightConnections = new Connections(limits, new Intake(limits));
    const grpc = new GrpcServer(services, messageBytesMax, limits);
    const metrics = new Metrics(front, services.counts, { connections, intake, grpc });
    const gateway = new Gateway(services, messageBytesMax, limits.unreadBytesMax);
    const clients: Acceptors = { connections, grpc, http: httpFront(front, metrics, connections, gateway) };
    const insight: Acceptors = {
      connections: insightConnections,
      grpc: null,
      http: httpFront(front, metrics, insightConnections, null),
    };

    const listeners: Listener[] = [];
    const open = async ({ address, isTls }: Endpoint, acceptors: Acceptors): Promise<Listener> => {
      const tls: TlsOptions | null = isTls ? options.tls! : null;
      const listener = await Listener.open({ address, tls, beginMs: limits.beginMs }, acceptors);
      listeners.push(listener);
      return listener;
    };
    const close = async (): Promise<void> => {
      for (const listener of listeners) listener.stop();
      publication?.stop();
      leaderWatch.close();
      corruptionWatch.close();
      clients.http.closeIdleConnections();
      await grpc.close(CLOSE_GRACE_MS);
      for (const each of [connections, insightConnections]) {
        each.close();
        each.destroy();
      }
      front.close();
    };
    let publication: AdvertiseUrls | null = null;
    try {
      const urls = [];
      for (const endpoint of endpoints) urls.push((await open(endpoint, clients)).url);
      const metricsUrls = [];
      for (const endpoint of metricsEndpoints) metricsUrls.push((await open(endpoint, insight)).url);
      publication = new AdvertiseUrls(front, options.advertiseClientUrls ?? urls);
      let closing: Promise<void> | null = null;
      return {
        urls,
        metricsUrls,
        setSecureContext: (given) => {
          const context = renewedTls(options.tls, given);
          for (const listener of listeners) listener.setSecureContext(context);
        },
        collect: () => metrics.collect(),
        close: () => (closing ??= close()),
      };
    } catch (error) {
      await close();
      throw error;
    }
  },
);

function allServices(front: Front, leaderWatch: LeaderWatch, audit: Audit): Services {
  const services = new Services(new Guard(front), leaderWatch, audit);
  serveKv(services, front);
  serveWatch(services, front);
  serveLease(services, front);
  serveCluster(services, front);
  serveMaintenance(services, front);
  serveAuth(services, front);
  serveLock(services, front);
  serveElection(services, front);
  serveHealth(services, front);
  return services;
}
