import { nearest } from "../../base/nearest.ts";
import { UsageError } from "../command.ts";
import { ETCD_FLAGS, isEtcds } from "./etcd-flags.ts";
import { checkNotRefused, REFUSED_FLAGS } from "./refused-flags.ts";

/** How a flag is written: its name, its value when it is not given, and what it is for. */
interface Flag {
  readonly fallback: string;
  readonly help: string;
  /** Given without a value it means `true`. */
  readonly isSwitch?: boolean;
}

/** etcd's own flags, with its defaults, and a few of ours. */
export const FLAGS = {
  name: flag("default", "the member's name"),
  "data-dir": flag("", "where its state is kept (default: NAME.etcd)"),
  "listen-client-urls": flag("http://localhost:2379", "where to listen for clients"),
  "advertise-client-urls": flag("", "where clients on other machines reach it (default: where it listens)"),
  "listen-peer-urls": flag("http://localhost:2380", "where to listen for the other members"),
  "initial-advertise-peer-urls": flag("http://localhost:2380", "where the other members reach it"),
  "initial-cluster": flag("", "NAME=URL,… of every first member (default: this one alone)"),
  "initial-cluster-token": flag("etcd-cluster", "tells clusters apart whose members have the same names"),
  "initial-cluster-state": flag("new", "new, or existing to join as a member that was added"),
  "snapshot-count": flag("", "entries after which a snapshot is taken"),
  "heartbeat-interval": flag("100", "milliseconds between heartbeats"),
  "election-timeout": flag("1000", "milliseconds without a leader after which another is elected"),
  "quota-backend-bytes": flag(
    "0",
    "bytes of memory that the store may take: 0 for 2 GiB or what fits, negative for no limit",
  ),
  "auto-compaction-mode": flag("periodic", "periodic or revision"),
  "auto-compaction-retention": flag(
    "0",
    "how much history is kept: 1h, or a number of revisions; 0 keeps all",
  ),
  "max-txn-ops": flag("128", "operations in one transaction"),
  "max-request-bytes": flag("1572864", "the largest request"),
  "max-client-connections": flag("4096", "connections of clients at a time"),
  "max-client-connections-per-address": flag("", "of these, from one address (default: seven eighths)"),
  "client-idle-timeout": flag("30m", "how long a connection of a client may be without a call"),
  "max-unfinished-bytes": flag("134217728", "bytes of clients' requests that have begun and not ended"),
  "max-unread-bytes": flag("536870912", "bytes of answers that clients have not read"),
  "watch-progress-notify-interval": flag("10m", "how often quiet watches are told their progress"),
  "listen-metrics-urls": flag("", "where to serve metrics and health besides"),
  "cert-file": flag("", "certificate for clients"),
  "key-file": flag("", "its key"),
  "trusted-ca-file": flag("", "authority of the clients' certificates, which they must then show"),
  "client-crl-file": flag("", "clients' certificates that were revoked"),
  "client-cert-auth": flag("false", "clients must show a certificate, and its name is that of a user", true),
  "peer-cert-file": flag("", "certificate for members; it must name this one, as DNS name or common name"),
  "peer-key-file": flag("", "its key"),
  "peer-trusted-ca-file": flag("", "authority of the members' certificates"),
  "peer-crl-file": flag("", "members' certificates that were revoked"),
  "peer-client-cert-auth": flag("true", "members must show a certificate: they always must", true),
  "tls-min-version": flag("", "TLS1.2 or TLS1.3 (default: TLS1.3 for members, TLS1.2 for clients)"),
  "cipher-suites": flag("", "suites to speak, by Go's names (default: Node's)"),
  "peer-secret-file": flag("", "a file whose text all members share, and nobody else"),
  "lock-timeout": flag(
    "0",
    "milliseconds to wait for the process that has the data directory open to let go of it",
  ),
  "audit-log": flag("", "a file to add a line of JSON to for each audited call; - is the standard output"),
  "audit-writes": flag("false", "audit writes too, not only what is about users, roles and members", true),
  insecure: flag("false", "listen without TLS where other machines can connect", true),
} as const satisfies Readonly<Record<string, Flag>>;

export type FlagName = keyof typeof FLAGS;

/** Names that flags of etcd had, or have in some releases. */
const OTHER_NAMES: Readonly<Record<string, FlagName>> = {
  "experimental-watch-progress-notify-interval": "watch-progress-notify-interval",
};

/** What was asked for, and what was asked in vain. */
export interface GivenFlags {
  readonly values: Readonly<Record<FlagName, string>>;
  /** Which of them were given, in whatever way. */
  readonly given: ReadonlySet<FlagName>;
  readonly warnings: readonly string[];
}

/**
 * Reads a command line as etcd does: `--flag value`, `--flag=value`, one dash or two. What is not on it is taken from
 * the environment: `QUORATE_FLAG_NAME`, or `ETCD_FLAG_NAME`. Flags of etcd's that have no meaning here give a warning and are
 * otherwise ignored; so are unknown variables, since orchestrators set some of their own. Throws UsageError for flags that
 * neither Quorate nor etcd has, and for those that must not be ignored.
 */
export function readFlags(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): GivenFlags {
  const values = new Map<FlagName, string>();
  const warnings: string[] = [];
  for (const [name, value] of Object.entries(env)) readVariable(name, value ?? "", values, warnings);
  for (const [name, value] of pairsOf(args)) {
    const known = flagNamed(name);
    if (known === null) {
      checkNotRefused(name, value ?? "true", `--${name}`);
      checkExists(name);
      warnings.push(`there is no flag --${name} here: it has no effect`);
    } else values.set(known, checkedValue(known, flagValue(known, value)));
  }
  const names = Object.keys(FLAGS) as FlagName[];
  const all = names.map((name) => [name, values.get(name) ?? FLAGS[name].fallback] as const);
  return {
    values: Object.fromEntries(all) as Record<FlagName, string>,
    given: new Set(values.keys()),
    warnings,
  };
}

export function flagsHelp(): string {
  return Object.entries<Flag>(FLAGS)
    .map(([name, { fallback, help }]) => {
      const shown = fallback === "" || fallback === "false" ? "" : ` (default: ${fallback})`;
      return `  --${name}\n      ${help}${shown}`;
    })
    .join("\n");
}

function flag(fallback: string, help: string, isSwitch = false): Flag {
  return { fallback, help, isSwitch };
}

function flagNamed(name: string): FlagName | null {
  return Object.hasOwn(FLAGS, name) ? (name as FlagName) : (OTHER_NAMES[name] ?? null);
}

/** Our own variable goes before etcd's; an empty one counts as not set, as in etcd. */
function readVariable(name: string, value: string, values: Map<FlagName, string>, warnings: string[]): void {
  const [, prefix, rest] = /^(QUORATE|ETCD)_([A-Z0-9_]+)$/.exec(name) ?? [];
  if (rest === undefined || value === "") return;
  const flagName = rest.toLowerCase().replaceAll("_", "-");
  const known = flagNamed(flagName);
  if (known === null) {
    const close = nearest(flagName, Object.keys(FLAGS));
    // Programs of ours have variables of their own.
    if (prefix === "QUORATE" && close === undefined) return;
    checkNotRefused(flagName, value, name);
    const help =
      close === undefined ? "" : `; did you mean ${prefix}_${close.toUpperCase().replaceAll("-", "_")}?`;
    warnings.push(`there is no flag for ${name} here: it has no effect${isEtcds(flagName) ? "" : help}`);
  } else if (prefix === "QUORATE" || !values.has(known)) values.set(known, value);
}

/** Flags with their values, null for one that stands alone. */
function* pairsOf(args: readonly string[]): Generator<readonly [string, string | null]> {
  for (let at = 0; at < args.length; at++) {
    const [, name, value] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(args[at]!) ?? [];
    if (name === undefined) throw new UsageError(`"${args[at]}" is not a flag`);
    const next = args[at + 1];
    const known = flagNamed(name);
    const takesNext = value === undefined && next !== undefined && (known === null || !isSwitch(known));
    if (takesNext && (known !== null || !next.startsWith("-"))) {
      yield [name, next];
      at += 1;
    } else yield [name, value ?? null];
  }
}

/** Throws UsageError for a flag that neither we nor any etcd has. */
function checkExists(name: string): void {
  if (isEtcds(name) || REFUSED_FLAGS.includes(name)) return;
  const close = nearest(name, [...Object.keys(FLAGS), ...REFUSED_FLAGS, ...ETCD_FLAGS]);
  const help = close === undefined ? "" : `; did you mean --${close}?`;
  throw new UsageError(`there is no flag --${name}${help}`);
}

/** What keeps others out is not left empty by a variable of a shell that happens to be unset. */
function checkedValue(name: FlagName, value: string): string {
  if (value !== "" || !(isSwitch(name) || name.endsWith("-file") || name === "audit-log")) return value;
  throw new UsageError(`--${name} is empty: give it a value, or leave the flag out`);
}

function isSwitch(name: FlagName): boolean {
  return (FLAGS[name] as Flag).isSwitch === true;
}

function flagValue(name: FlagName, value: string | null): string {
  if (value !== null) return value;
  if (isSwitch(name)) return "true";
  throw new UsageError(`--${name} needs a value`);
}
