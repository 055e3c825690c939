import type { SecureContextOptions, TlsOptions } from "node:tls";
import { Audit } from "./audit.ts";
import { serveAuth } from "./auth-service.ts";
import { serveCluster } from "./cluster-service.ts";
import { Connections } from "./connections.ts";
import { CorruptionWatch } from "./corruption-watch.ts";
import { serveElection } from "./election-service.ts";
import { type Endpoint, endpointsOf, metricsEndpointsOf } from "./endpoints.ts";
import { Front, type ServedStore } from "./front.ts";
import { Gateway } from "./gateway.ts";
import { GrpcServer } from "./grpc-server.ts";
import { Guard } from "./guard.ts";
import { serveHealth } from "./health-service.ts";
import { httpFront } from "./http-front.ts";
import { Intake } from "./intake.ts";
import { serveKv } from "./kv-service.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { serveLease } from "./lease-service.ts";
import { type Acceptors, Listener } from "./listener.ts";
import { serveLock } from "./lock-service.ts";
import { serveMaintenance } from "./maintenance-service.ts";
import { Metrics } from "./metrics.ts";
import { ETCD_OPTIONS, type EtcdOptions, etcdSettings, MESSAGE_OVERHEAD_BYTES } from "./options.ts";
import { Publication } from "./publication.ts";
import { checkServerTls, renewedTls } from "./server-tls.ts";
import { Services } from "./services.ts";
import { serveWatch } from "./watch-service.ts";

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
   * Takes no new connections, tells clients to go elsewhere, lets calls under way finish for a while, and ends. The
   * store goes on. May be called again.
   */
  close(): Promise<void>;
}

/** How long calls may go on once the server is closed. */
const CLOSE_GRACE_MS = 2_000;

/**
 * Serves a store to etcd's clients: gRPC, and HTTP with JSON, health and metrics on the same port. Resolves when it
 * listens. The page with metrics needs the package `prom-client`.
 *
 * Throws ERR_INVALID_ARGUMENT, ERR_LISTEN, and ERR_INSECURE for an address that others reach without TLS unless
 * `insecure` is said.
 */
export async function serveEtcd(store: ServedStore, options: EtcdOptions): Promise<EtcdServer> {
  ETCD_OPTIONS.check(options);
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
  const metrics = await Metrics.create(front, services.counts, { connections, intake, grpc });
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
  let publication: Publication | null = null;
  try {
    const urls = [];
    for (const endpoint of endpoints) urls.push((await open(endpoint, clients)).url);
    const metricsUrls = [];
    for (const endpoint of metricsEndpoints) metricsUrls.push((await open(endpoint, insight)).url);
    publication = new Publication(front, options.advertiseClientUrls ?? urls);
    let closing: Promise<void> | null = null;
    return {
      urls,
      metricsUrls,
      setSecureContext: (given) => {
        const context = renewedTls(options.tls, given);
        for (const listener of listeners) listener.setSecureContext(context);
      },
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

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
