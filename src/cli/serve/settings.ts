import { readFileSync } from "node:fs";
import type { ClientLimits } from "../../etcd/client-limits.ts";
import { formatAddress } from "../../transport/address.ts";
import { UsageError } from "../command.ts";
import { attemptFile } from "../file-error.ts";
import type { AutoCompaction } from "./auto-compaction.ts";
import { itemsOf, oneOf, type PeerUrl, readNumber, readSpan, readSwitch, readUrl } from "./flag-values.ts";
import type { FlagName, GivenFlags } from "./flags.ts";
import { type TlsSettings, tlsSettings } from "./tls-settings.ts";

/** What a server was asked to be. */
export interface ServeSettings extends TlsSettings {
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
  const metricsUrls = list("listen-metrics-urls");
  const firstUrls = list("initial-cluster").map((pair) => pair.replace(/^[^=]*=/, ""));
  const peerUrlTexts = [...list("listen-peer-urls"), ...list("initial-advertise-peer-urls"), ...firstUrls];
  if (on("audit-writes") && text("audit-log") === "")
    throw new UsageError("--audit-writes has no effect without --audit-log");
  const quota = readNumber("quota-backend-bytes", text("quota-backend-bytes"), Number.NEGATIVE_INFINITY);
  return {
    name,
    directory: text("data-dir") === "" ? `${name}.etcd` : text("data-dir"),
    clientUrls,
    advertisedUrls: text("advertise-client-urls") === "" ? clientUrls : list("advertise-client-urls"),
    metricsUrls,
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
    ...tlsSettings(flags, { client: clientUrls, metrics: metricsUrls, peers: peerUrlTexts }),
    peerSecret: text("peer-secret-file") === "" ? undefined : secretIn(text("peer-secret-file")),
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
  const secret = attemptFile("--peer-secret-file: cannot read", path, () =>
    readFileSync(path, "utf8").trim(),
  );
  if (secret !== "") return secret;
  throw new UsageError(`--peer-secret-file: ${path} is empty`);
}
