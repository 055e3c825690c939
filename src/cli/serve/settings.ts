import { readFileSync } from "node:fs";
import { defined } from "../../base/defaults.ts";
import type { ClientLimits } from "../../etcd/client-limits.ts";
import { formatAddress, type HostPort } from "../../transport/address.ts";
import type { TlsOptions } from "../../transport/tls/tls-files.ts";
import type { PeerTlsOptions } from "../../transport/tls/tls-peers.ts";
import { UsageError } from "../command.ts";
import type { AutoCompaction } from "./auto-compaction.ts";
import { cipherList } from "./cipher-suites.ts";
import type { FlagName, GivenFlags } from "./flags.ts";

/** What a server was asked to be. */
export interface ServeSettings {
  readonly name: string;
  readonly directory: string;
  readonly clientUrls: readonly string[];
  readonly advertisedUrls: readonly string[];
  readonly metricsUrls: readonly string[];
  /** Where it listens for members, and where they reach it: `host:port`. */
  readonly peerListen: string;
  readonly peerAddress: string;
  readonly peerScheme: "http" | "https";
  readonly cluster: string;
  /** Every first member, by name; or, for one that joins, those that may be asked. */
  readonly members: Readonly<Record<string, string>>;
  readonly isJoining: boolean;
  /** How long to wait for another process to let go of the directory. */
  readonly lockTimeoutMs: number;
  readonly snapshotEntries: number | undefined;
  readonly tickMs: number;
  readonly electionTicks: number;
  /** Undefined for what memory allows, up to etcd's default. */
  readonly quotaBytes: number | undefined;
  readonly compaction: AutoCompaction | null;
  readonly txnOperationsMax: number;
  readonly requestBytesMax: number;
  readonly progressNotifyMs: number;
  readonly clientLimits: Partial<ClientLimits>;
  readonly clientTls: TlsOptions | null;
  readonly needsClientCertificate: boolean;
  /** Whether the names in clients' certificates are those of users. */
  readonly clientCertAuth: boolean;
  readonly peerTls: PeerTlsOptions | null;
  readonly peerSecret: string | undefined;
  readonly auditLog: string;
  readonly auditWrites: boolean;
  readonly insecure: boolean;
  /** What was asked for, and is not done as it was meant. */
  readonly warnings: readonly string[];
}

/** Makes sense of the flags. Throws UsageError. */
export function serveSettings(flags: GivenFlags): ServeSettings {
  const text = (name: FlagName): string => flags.values[name];
  const list = (name: FlagName): string[] => itemsOf(text(name));
  const on = (name: FlagName): boolean => readSwitch(name, text(name));
  const number = (name: FlagName, least: number): number => readNumber(name, text(name), least);

  const name = text("name");
  const listenUrls = peerUrls("listen-peer-urls", list("listen-peer-urls"));
  const advertisedUrls = peerUrls("initial-advertise-peer-urls", list("initial-advertise-peer-urls"));
  const [listen, advertised] = [listenUrls[0]!, advertisedUrls[0]!];
  const tickMs = number("heartbeat-interval", 1);
  const clientUrls = list("listen-client-urls");
  const quota = readNumber("quota-backend-bytes", text("quota-backend-bytes"), Number.NEGATIVE_INFINITY);
  return {
    name,
    directory: text("data-dir") === "" ? `${name}.etcd` : text("data-dir"),
    clientUrls,
    advertisedUrls: text("advertise-client-urls") === "" ? clientUrls : list("advertise-client-urls"),
    metricsUrls: list("listen-metrics-urls"),
    peerListen: formatAddress(listen),
    peerAddress: formatAddress(advertised),
    peerScheme: advertised.scheme,
    cluster: text("initial-cluster-token"),
    members: firstMembers(name, list("initial-cluster"), advertisedUrls.map(formatAddress)),
    isJoining:
      oneOf("initial-cluster-state", text("initial-cluster-state"), ["new", "existing"]) === "existing",
    lockTimeoutMs: number("lock-timeout", 0),
    snapshotEntries: text("snapshot-count") === "" ? undefined : number("snapshot-count", 1),
    tickMs,
    electionTicks: Math.max(2, Math.round(number("election-timeout", 1) / tickMs)),
    quotaBytes: quota < 0 ? Number.POSITIVE_INFINITY : quota || undefined,
    compaction: compactionOf(text("auto-compaction-mode"), text("auto-compaction-retention")),
    txnOperationsMax: number("max-txn-ops", 1),
    requestBytesMax: number("max-request-bytes", 1),
    clientLimits: {
      connectionsMax: number("max-client-connections", 1),
      ...(text("max-client-connections-per-address") === ""
        ? {}
        : { connectionsPerAddressMax: number("max-client-connections-per-address", 1) }),
      idleMs: readSpan("client-idle-timeout", text("client-idle-timeout")),
      ...unfinishedLimits(number("max-unfinished-bytes", 1)),
      unreadBytesMax: number("max-unread-bytes", 1),
    },
    progressNotifyMs: readSpan("watch-progress-notify-interval", text("watch-progress-notify-interval")),
    clientTls: tlsOf(text, ["cert-file", "key-file", "trusted-ca-file", "client-crl-file"], "TLSv1.2"),
    // As in etcd, whoever names an authority for clients wants to see their certificates.
    needsClientCertificate: on("client-cert-auth") || text("trusted-ca-file") !== "",
    peerTls: peerTlsOf(text, advertised.scheme),
    peerSecret: text("peer-secret-file") === "" ? undefined : secretIn(text("peer-secret-file")),
    clientCertAuth: on("client-cert-auth"),
    auditLog: text("audit-log"),
    auditWrites: on("audit-writes"),
    insecure: on("insecure"),
    warnings: [
      ...unusedUrls("listen-peer-urls", listenUrls),
      ...unusedUrls("initial-advertise-peer-urls", advertisedUrls),
    ],
  };
}

/** The shares of one address and one connection are those of the defaults. */
function unfinishedLimits(unfinishedBytesMax: number): Partial<ClientLimits> {
  return {
    unfinishedBytesMax,
    unfinishedBytesPerAddressMax: Math.ceil((unfinishedBytesMax * 3) / 4),
    unfinishedBytesPerConnectionMax: Math.ceil(unfinishedBytesMax / 2),
  };
}

/** Milliseconds of a span in Go's notation: `300ms`, `1h30m`. Throws UsageError. */
export function readSpan(name: string, text: string): number {
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  const total = parts.reduce((sum, [, count, unit]) => sum + Number(count) * units[unit!]!, 0);
  if (isWhole && total >= 1) return Math.round(total);
  throw new UsageError(`--${name} must be a span of time such as 10m or 1h30m, not "${text}"`);
}

interface PeerUrl extends HostPort {
  readonly scheme: "http" | "https";
}

/** `http://host:port`. Throws UsageError. */
export function readUrl(name: string, text: string): PeerUrl {
  const url = URL.canParse(text) ? new URL(text) : null;
  const scheme = url?.protocol.slice(0, -1);
  const isBare = url !== null && (url.pathname === "/" || url.pathname === "") && url.search === "";
  if (url === null || !isBare || url.port === "" || (scheme !== "http" && scheme !== "https"))
    throw new UsageError(`--${name} must be URLs such as http://10.0.0.1:2380, not "${text}"`);
  return { scheme, host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) };
}

function peerUrls(name: FlagName, urls: readonly string[]): PeerUrl[] {
  if (urls.length === 0) throw new UsageError(`--${name} must be a URL such as http://10.0.0.1:2380`);
  return urls.map((url) => readUrl(name, url));
}

/** Members have one address each: the first that is given. */
function unusedUrls(name: FlagName, [used, ...rest]: readonly PeerUrl[]): string[] {
  if (rest.length === 0) return [];
  const others = rest.map(formatAddress).join(", ");
  return [`--${name}: a member has one address here, ${formatAddress(used!)}; ${others} is not used`];
}

/** Where each first member is: of several URLs of one, etcd's way to give it several, the first counts. */
function firstMembers(
  name: string,
  pairs: readonly string[],
  addresses: readonly string[],
): Record<string, string> {
  const address = addresses[0]!;
  if (pairs.length === 0) return { [name]: address };
  const members: Record<string, string> = {};
  for (const pair of pairs) {
    const [, peer, url] = /^([^=]+)=(.+)$/.exec(pair) ?? [];
    if (peer === undefined) throw new UsageError(`--initial-cluster must be NAME=URL,…, not "${pair}"`);
    members[peer] ??= formatAddress(readUrl("initial-cluster", url!));
  }
  if (!(name in members)) throw new UsageError(`--initial-cluster must name this member, ${name}`);
  if (members[name] === address) return members;
  const message = `--initial-cluster has ${name} at ${members[name]}, --initial-advertise-peer-urls at ${address}`;
  throw new UsageError(message);
}

function itemsOf(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}

type TlsFlags = readonly [cert: FlagName, key: FlagName, ca: FlagName, crl: FlagName];

/** Null when no certificate was named. */
function tlsOf(
  text: (name: FlagName) => string,
  [cert, key, ca, crl]: TlsFlags,
  usual: "TLSv1.2" | "TLSv1.3",
): TlsOptions | null {
  if ((text(cert) === "") !== (text(key) === ""))
    throw new UsageError(`--${cert} and --${key} belong together`);
  if (text(cert) === "") return null;
  const given = (name: FlagName): string | undefined => (text(name) === "" ? undefined : text(name));
  const versions = { "": usual, "TLS1.2": "TLSv1.2", "TLS1.3": "TLSv1.3" } as const;
  const asked = oneOf("tls-min-version", text("tls-min-version"), Object.keys(versions));
  const minVersion = versions[asked as keyof typeof versions];
  const ciphers = cipherList(itemsOf(text("cipher-suites")));
  return defined({ cert: given(cert), key: given(key), ca: given(ca), crl: given(crl), minVersion, ciphers });
}

function peerTlsOf(text: (name: FlagName) => string, scheme: "http" | "https"): PeerTlsOptions | null {
  const files = ["peer-cert-file", "peer-key-file", "peer-trusted-ca-file", "peer-crl-file"] as const;
  const tls = tlsOf(text, files, "TLSv1.3");
  if (tls?.ca !== undefined) return tls as PeerTlsOptions;
  if (tls === null && scheme === "http") return null;
  throw new UsageError("members need --peer-cert-file, --peer-key-file and --peer-trusted-ca-file for https");
}

function compactionOf(mode: string, retention: string): AutoCompaction | null {
  oneOf("auto-compaction-mode", mode, ["periodic", "revision"]);
  if (/^0[a-z]*$/.test(retention) || retention === "") return null;
  if (mode === "revision") {
    return { mode, revisions: readNumber("auto-compaction-retention", retention, 1) };
  }
  // As in etcd, a bare number means hours.
  const span = /^\d+$/.test(retention) ? `${retention}h` : retention;
  return { mode: "periodic", spanMs: readSpan("auto-compaction-retention", span) };
}

function secretIn(path: string): string {
  try {
    const secret = readFileSync(path, "utf8").trim();
    if (secret !== "") return secret;
  } catch (error) {
    throw new UsageError(`--peer-secret-file: ${(error as Error).message}`);
  }
  throw new UsageError(`--peer-secret-file: ${path} is empty`);
}

function readSwitch(name: FlagName, text: string): boolean {
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(0|f|false|)$/i.test(text)) return false;
  throw new UsageError(`--${name} must be true or false, not "${text}"`);
}

function readNumber(name: FlagName, text: string, least: number): number {
  const number = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageError(`--${name} must be a whole number${least > 0 ? " above 0" : ""}, not "${text}"`);
}

function oneOf(name: FlagName, text: string, choices: readonly string[]): string {
  if (choices.includes(text)) return text;
  throw new UsageError(
    `--${name} must be ${choices.filter((choice) => choice !== "").join(" or ")}, not "${text}"`,
  );
}
