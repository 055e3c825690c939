import type { TlsOptions } from "node:tls";
import type { Overrides } from "../base/defaults.ts";
import { invalidArgument, type QuorateError } from "../base/errors.ts";
import {
  definite,
  demand,
  flag,
  isPlainObject,
  listOf,
  nested,
  OptionTable,
  oneOf,
  required,
  text,
  whole,
} from "../base/options.ts";
import { CLIENT_LIMITS, type ClientLimits, clientLimits } from "./client-limits.ts";
import { isClientChecked } from "./server-tls.ts";

/** Options of `serveEtcd`: where to listen, TLS, users, and limits for clients. */
export interface EtcdOptions {
  /**
   * Where to listen: one address (port 0 picks a free one), or several as URLs, `http://host:port` or
   * `https://host:port`. One address speaks TLS when `tls` is given; of several at least one must be `https` then, and
   * all of them where clients must show a certificate.
   */
  readonly listen: { readonly host?: string | undefined; readonly port: number } | readonly string[];
  /**
   * The server's certificate and key, in Node's own form: PEM text or bytes. `requestCert` asks clients for theirs, which
   * `ca` and `crl` check. What would have no effect is refused: no certificate, or a `ca` without `requestCert`.
   */
  readonly tls?: TlsOptions;
  /**
   * Whether the common name of a client's certificate is the user of a call that shows no token. Default: yes, where
   * clients must show one that is checked; `true` is refused where they need not.
   */
  readonly clientCertAuth?: boolean | undefined;
  /** Allows clients from other machines to be served without TLS. */
  readonly insecure?: boolean | undefined;
  /** More URLs that serve health, version and metrics, and nothing else. */
  readonly metricsUrls?: readonly string[] | undefined;
  /** Where clients on other machines reach this member; by default where it listens. */
  readonly advertiseClientUrls?: readonly string[] | undefined;
  /** The scheme of peer URLs as they are shown to clients. Default `http`. */
  readonly peerScheme?: "http" | "https" | undefined;
  /** The version of etcd that clients are told, since they choose features by it. Default 3.6.11. */
  readonly version?: string | undefined;
  /**
   * The election timeout of the cluster: request timeouts, the shortest lease and the patience of streams that require a
   * leader are counted in it. Default 1000.
   */
  readonly electionMs?: number | undefined;
  /** How often a quiet watch that asked for it is told its progress. Default 10 minutes. */
  readonly progressNotifyMs?: number | undefined;
  /** The largest request that may be proposed. Default 1.5 MiB. */
  readonly requestBytesMax?: number | undefined;
  /** What clients may hold of this process: connections, unfinished requests, unread answers, and for how long. */
  readonly limits?: Overrides<ClientLimits> | undefined;
  /** Tells of writes too on the channel `quorate:audit`, not only of what concerns users, roles and members. */
  readonly auditWrites?: boolean | undefined;
  /** Compares, or operations of one branch, in a transaction. Default 128. */
  readonly txnOperationsMax?: number | undefined;
}

const LISTEN = new OptionTable<{ readonly host?: string | undefined; readonly port: number }>(
  "listen",
  { host: text, port: required(whole(0, 65_535)) },
  "listen.",
);

const urls = listOf("a list of URLs", text);

export const ETCD_OPTIONS = new OptionTable<EtcdOptions>("serveEtcd", {
  listen: required(
    demand(
      '{ host, port }, or a list of URLs such as ["http://127.0.0.1:2379"]',
      (value): value is EtcdOptions["listen"] => {
        if (typeof value === "string") return false;
        return Array.isArray(value) ? urls.isMet(value) : nested(LISTEN).isMet(value);
      },
    ),
  ),
  tls: definite(demand("TLS options in Node's form", (value): value is TlsOptions => isPlainObject(value))),
  clientCertAuth: flag,
  insecure: flag,
  metricsUrls: urls,
  advertiseClientUrls: urls,
  peerScheme: oneOf("http", "https"),
  version: demand(
    "three numbers with dots",
    (value): value is string => typeof value === "string" && /^\d+\.\d+\.\d+$/.test(value),
  ),
  electionMs: whole(1),
  progressNotifyMs: whole(1),
  requestBytesMax: whole(1),
  limits: nested(CLIENT_LIMITS),
  auditWrites: flag,
  txnOperationsMax: whole(1),
});

/** The options with nothing left open. */
export interface EtcdSettings {
  readonly peerScheme: "http" | "https";
  readonly version: string;
  readonly electionMs: number;
  readonly progressNotifyMs: number;
  readonly requestBytesMax: number;
  readonly limits: ClientLimits;
  readonly txnOperationsMax: number;
  /** Whether clients can show who they are by a certificate that was checked. */
  readonly clientCertAuth: boolean;
}

/** What Kubernetes and others take for a recent etcd: features are used from certain versions on. */
export const EMULATED_VERSION = "3.6.11";

/** What etcd adds to the largest request to get the largest message. */
export const MESSAGE_OVERHEAD_BYTES = 512 * 1024;

/** The settings that checked options give. */
export function etcdSettings({
  peerScheme = "http",
  version = EMULATED_VERSION,
  electionMs = 1_000,
  progressNotifyMs = 600_000,
  requestBytesMax = 1_572_864,
  limits,
  txnOperationsMax = 128,
  tls,
  clientCertAuth = true,
}: EtcdOptions): EtcdSettings {
  const numbers = { electionMs, progressNotifyMs, requestBytesMax, txnOperationsMax };
  return {
    ...{ peerScheme, version, ...numbers },
    limits: clientLimits(limits),
    clientCertAuth: clientCertAuth && isClientChecked(tls),
  };
}

export function invalid(argument: string, received: unknown, claim: string): QuorateError {
  return invalidArgument(argument, received, `${argument} ${claim}`);
}
