import { defined } from "../../base/defaults.ts";
import { systemReason } from "../../base/system-reason.ts";
import { clearInterval, setInterval } from "../../base/system-time.ts";
import type { EtcdServer } from "../../etcd/server.ts";
import { chooseQuota } from "../../memory.ts";
import { open } from "../../open.ts";
import type { LockHolder } from "../../storage/lock/node-lock.ts";
import type { Store } from "../../store.ts";
import { type TcpTransport, tcp } from "../../transport/tcp/tcp-transport.ts";
import { TlsFiles } from "../../transport/tls/tls-files.ts";
import { AuditLog } from "./audit-log.ts";
import { AutoCompactor } from "./auto-compaction.ts";
import { DataDirectory } from "./data-directory.ts";
import { fetchTicket } from "./joining.ts";
import type { ServeSettings } from "./settings.ts";

/** What an envelope, and the fields of a command, may add to a request. */
const COMMAND_OVERHEAD_BYTES = 32 * 1024;
/** etcd's default. */
const QUOTA_BYTES = 2 * 1024 ** 3;
/** How often the certificates for clients are looked at. */
const CERTIFICATES_MS = 1_000;

/** What a server is made of. */
interface ServerParts {
  readonly store: Store<Uint8Array>;
  readonly front: EtcdServer;
  readonly tls: TlsFiles | null;
  readonly auditLog: AuditLog | null;
}

/** A member with a front for etcd's clients, as one process runs it. */
export class Server {
  readonly store: Store<Uint8Array>;
  readonly urls: readonly string[];
  readonly #front: EtcdServer;
  readonly #compactor: AutoCompactor | null;
  readonly #renewal: NodeJS.Timeout | null;
  readonly #auditLog: AuditLog | null;

  /**
   * Starts from the directory if it was used before, else founds a cluster or joins one. Resolves when it listens.
   * `log` is told what an operator would want to know.
   */
  static async start(settings: ServeSettings, log: (line: string) => void): Promise<Server> {
    const tls = settings.clientTls === null ? null : new TlsFiles(settings.clientTls);
    const auditLog = openAuditLog(settings, log);
    const transport = tcp({
      listen: settings.peerListen,
      insecure: settings.insecure,
      ...defined({ secret: settings.peerSecret, tls: settings.peerTls ?? undefined }),
    });
    const store = await openStore(settings, transport, log);
    try {
      const front = await serveFront(store, settings, tls);
      return new Server({ store, front, tls, auditLog }, settings, log);
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  /** Use `start`. */
  constructor(
    { store, front, tls, auditLog }: ServerParts,
    { compaction }: ServeSettings,
    log: (line: string) => void,
  ) {
    this.store = store;
    this.urls = front.urls;
    this.#front = front;
    this.#compactor = compaction === null ? null : new AutoCompactor(store, compaction);
    this.#auditLog = auditLog;
    this.#renewal = tls === null ? null : setInterval(() => renew(tls, front, log), CERTIFICATES_MS).unref();
  }

  /** Lets clients go, hands leadership over, and ends. */
  async close(): Promise<void> {
    this.#compactor?.stop();
    if (this.#renewal !== null) clearInterval(this.#renewal);
    await this.#front.close();
    await this.store.close();
    this.#auditLog?.close();
  }
}

function openAuditLog({ auditLog }: ServeSettings, log: (line: string) => void): AuditLog | null {
  return auditLog === ""
    ? null
    : new AuditLog(auditLog, (error) => log(`--audit-log: cannot write ${auditLog}: ${systemReason(error)}`));
}

async function openStore(settings: ServeSettings, transport: TcpTransport, log: (line: string) => void) {
  const directory = dataDirectory(settings, log);
  const { name, join } = await enrol(directory, settings, log);
  const { tickMs, electionTicks, snapshotEntries, requestBytesMax } = settings;
  const { quotaBytes, reason, warning } = chooseQuota(settings.quotaBytes, QUOTA_BYTES);
  // Of a quota that was asked for and does not fit `open` warns.
  log(settings.quotaBytes === undefined ? (warning ?? reason) : reason);
  return open({
    storage: directory.storage(),
    name,
    join,
    transport,
    values: "binary",
    quotaBytes,
    // History is kept until somebody compacts it, as in etcd.
    historyRevisions: Number.POSITIVE_INFINITY,
    limits: {
      tickMs,
      electionTicks,
      commandBytesMax: requestBytesMax + COMMAND_OVERHEAD_BYTES,
      ...(snapshotEntries === undefined ? {} : { snapshotEntries }),
    },
  });
}

function dataDirectory({ directory, lockTimeoutMs }: ServeSettings, log: (line: string) => void) {
  const onLockWait = ({ pid, host }: LockHolder): void =>
    log(`waiting up to ${lockTimeoutMs} ms for process ${pid} on host ${host} to let go of ${directory}`);
  return new DataDirectory(directory, { lockTimeoutMs, onLockWait });
}

/** Whose member this directory is, after it was made one where need be. */
async function enrol(directory: DataDirectory, settings: ServeSettings, log: (line: string) => void) {
  directory.check();
  if (directory.warning !== null) log(directory.warning);
  const { ticket } = directory;
  const { name, members, cluster } = settings;
  if (ticket !== null) {
    log(
      `${settings.directory} holds the member ${ticket.name}: what tells how a cluster begins has no effect`,
    );
    return { name: ticket.name, join: ticket.text };
  }
  if (directory.isNew)
    log(`${settings.directory} holds no member yet: ${name} begins there with an empty store`);
  if (!settings.isJoining) return { name, join: await directory.found(name, members, cluster) };
  const join = await fetchTicket(settings);
  directory.keepTicket(join);
  return { name, join };
}

async function serveFront(
  store: Store<Uint8Array>,
  settings: ServeSettings,
  tls: TlsFiles | null,
): Promise<EtcdServer> {
  // Only who serves needs the packages of the front.
  const { serveEtcd } = await import("../../etcd/server.ts");
  const { needsClientCertificate, tickMs, electionTicks } = settings;
  return serveEtcd(store, {
    listen: settings.clientUrls,
    advertiseClientUrls: settings.advertisedUrls,
    metricsUrls: settings.metricsUrls,
    peerScheme: settings.peerScheme,
    insecure: settings.insecure,
    electionMs: tickMs * electionTicks,
    progressNotifyMs: settings.progressNotifyMs,
    requestBytesMax: settings.requestBytesMax,
    txnOperationsMax: settings.txnOperationsMax,
    limits: settings.clientLimits,
    auditWrites: settings.auditWrites,
    ...(tls === null
      ? {}
      : {
          tls: {
            ...tls.options,
            requestCert: needsClientCertificate,
            rejectUnauthorized: needsClientCertificate,
          },
          clientCertAuth: settings.clientCertAuth,
        }),
  });
}

function renew(tls: TlsFiles, front: EtcdServer, log: (line: string) => void): void {
  const before = tls.options;
  const error = tls.reload();
  if (error !== null) log(`the certificates for clients stay as they are: ${error.message}`);
  if (tls.options !== before) front.setSecureContext(tls.options);
}
