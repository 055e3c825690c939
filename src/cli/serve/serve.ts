import { createRequire } from "node:module";
import { QuorateError } from "../../base/errors.ts";
import { EMULATED_VERSION } from "../../etcd/options.ts";
import type { Command, ExitCode } from "../command.ts";
import { flagsHelp, readFlags } from "./flags.ts";
import { Server } from "./server.ts";
import { serveSettings } from "./settings.ts";

export const serve: Command = {
  name: "serve",
  summary: "Run a member that etcd's clients can use, with etcd's own flags",
  help: `Usage: quorate serve [FLAG …]

Runs one member of a cluster, and serves the etcd v3 API: etcdctl, Kubernetes and
any etcd client can use it. Flags and variables (ETCD_NAME, QUORATE_NAME, …) are
etcd's own. Flags of etcd's that mean nothing here are logged and have no effect; it
does not start with one that would keep others out or choose another cluster, or with
one that neither has. A directory that was used before is reused, and the flags that
say how a cluster begins are ignored.

  quorate serve --name n1 --initial-cluster n1=http://127.0.0.1:2380
  etcdctl member add n2 --peer-urls=http://127.0.0.1:2390
  quorate serve --name n2 --initial-cluster-state existing --listen-client-urls … \\
    --initial-cluster n1=http://127.0.0.1:2380,n2=http://127.0.0.1:2390 …

Says "ready to serve client requests" when a leader is known. SIGTERM ends it in
order. Ends with 0, with 1 when the member could not start or has failed, with 2 when
the command line makes no sense.

${flagsHelp()}
  --version
      the version of etcd that clients are told, and our own
`,
  async run(args, print) {
    if (args.some((arg) => /^--?version$/.test(arg))) {
      print(versions());
      return 0;
    }
    const flags = readFlags(args, process.env);
    for (const warning of flags.warnings) log(warning);
    const settings = serveSettings(flags);
    for (const warning of settings.warnings) log(warning);
    if (settings.insecure)
      log("--insecure: without TLS others on the network can read and change everything");
    const told = toldToEnd();
    const server = await Promise.race([Server.start(settings, log), told]);
    // A start that is under way, or waits for another process, is dropped: the next one finds what a crash would leave.
    if (server === null) process.exit(0);
    return run(server, told);
  },
};

/** Resolves when the process is told to end. */
function toldToEnd(): Promise<null> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.once(signal, () => {
        log(`${signal}: it ends`);
        resolve(null);
      });
    }
  });
}

/** Runs until it is told to end, or fails. */
async function run(server: Server, told: Promise<null>): Promise<ExitCode> {
  const { store } = server;
  let end: (code: ExitCode) => void = () => {};
  const ended = new Promise<ExitCode>((resolve) => {
    end = resolve;
  });
  void told.then(() => end(0));
  store.on("error", (error) => {
    const isRemoved = QuorateError.is(error, "ERR_MEMBERSHIP");
    log(isRemoved ? `${error.message}: it ends` : `the member has failed: ${error.message}`);
    end(isRemoved ? 0 : 1);
  });
  store.on("refused", (error) => log(error.message));
  store.on("diskFull", (isFull) =>
    log(
      isFull
        ? "the disk is full: writes are refused until there is room; free some space on it"
        : "the disk has room again: writes are taken",
    ),
  );
  store.on("leader", (leader, term) =>
    log(leader === undefined ? "no leader is known" : `${leader} leads in term ${term}`),
  );
  store.ready({ timeoutMs: Number.POSITIVE_INFINITY }).then(
    () => log(`ready to serve client requests at ${server.urls.join(", ")}`),
    () => {}, // It ends before, and has said why.
  );
  const code = await ended;
  await server.close();
  return code;
}

function versions(): string {
  const { version } = createRequire(import.meta.url)("quorate/package.json") as { version: string };
  return `etcd Version: ${EMULATED_VERSION}\nQuorate Version: ${version}\nNode Version: ${process.version}\n`;
}

/** Where etcd writes its log, too. */
function log(line: string): void {
  process.stderr.write(`${new Date().toISOString()} ${line}\n`);
}
