import fs from "node:fs";
import { parseArgs } from "node:util";
import { QuorateError } from "../base/errors.ts";
import { bumpRevisions } from "../kv/machine/revision-bump.ts";
import { checkMemberNames, firstClusterId, firstMemberId } from "../replica/members/identity.ts";
import { found } from "../replica/snapshots/snapshot-recovery.ts";
import { DiskStorage } from "../storage/disk/disk-storage.ts";
import { checkNothingElse } from "../storage/disk/foreign-files.ts";
import { NodeFiles } from "../storage/files/node-files.ts";
import { MANIFEST_PATH } from "../storage/layout/data-dir.ts";
import { BackupReader } from "../storage/snapshots/backup-file.ts";
import { type Command, type ExitCode, UsageError, unusable } from "./command.ts";
import { checkDirectory } from "./data-directory-path.ts";
import { attemptFile } from "./file-error.ts";
import { type MadeMember, type StartCommand, startCommand } from "./start-command.ts";

/** What `open` calls a member that is alone. */
const LONE_NAME = "member";
/** Where `serve` listens for members by default. */
const LONE_ADDRESS = "localhost:2380";

export const restore: Command = {
  name: "restore",
  summary: "Make a member of a new cluster from a backup",
  help: `Usage: quorate restore FILE --to DIR [--name NAME --peers a=host:port,b=host:port,…]
                       [--cluster NAME] [--bump-revision N] [--mark-compacted] [--json]

Makes the data directory of one founding member of a new cluster that begins with the
state in the backup. Run it for each member, with the same options but --to and --name.
Without --peers the member is alone. Prints the commands that start the member: it is
refused with another name, other peers or another cluster.

  --cluster NAME      what the new cluster is called; by default it is named after the backup.
                      The lost cluster's members must not take it for theirs: never give its name.
  --bump-revision N   leave out N revisions, so that what clients remember of the lost cluster
                      is never mistaken for the new one's: more than it can have made since
  --mark-compacted    everything before the new revision counts as compacted: watches that
                      come from the lost cluster end, and say so
  --json              what was made, as JSON

Ends with 0, or with 1 when the backup is damaged or cannot be read.
`,
  async run(args, print): Promise<ExitCode> {
    const { file, to, name, peers, hasPeers, cluster, bump, json } = parse(args);
    const descriptor = openBackup(file);
    try {
      const backup = new BackupReader(file, (offset, length) => readAt(descriptor, offset, length));
      const { backupId, kind, revision, time } = backup.header;
      if (kind !== "kv") throw new UsageError(`${file} holds the state of another machine, ${kind}`);
      const named = cluster ?? `restored-${backupId.slice(0, 12)}`;
      const chunks = bumpRevisions(backup.chunks(), bump);
      await makeMember(to, name, { peers, cluster: named, chunks, time });
      const made = { directory: to, name, revision: revision! + bump.by, cluster: named };
      const start = startCommand({ ...made, members: peers, hasPeers });
      if (json) print(`${JSON.stringify({ ...made, start }, null, 2)}\n`);
      else print(madeText(made, start));
    } finally {
      fs.closeSync(descriptor);
    }
    return 0;
  },
};

function madeText(
  { directory, name, revision, cluster }: Omit<MadeMember, "members" | "hasPeers">,
  { serve, open, note }: StartCommand,
): string {
  const lines = [
    `${directory}: member ${name}, revision ${revision}, cluster: "${cluster}"`,
    "start it as a server with",
    `  ${serve}`,
    "or in a program with",
    `  ${open}`,
    ...(note === null ? [] : [note]),
  ];
  return `${lines.join("\n")}\n`;
}

interface NewCluster {
  readonly peers: Readonly<Record<string, string>>;
  readonly cluster: string;
  readonly chunks: Iterable<Uint8Array>;
  readonly time: number;
}

async function makeMember(
  directory: string,
  name: string,
  { peers, cluster, ...state }: NewCluster,
): Promise<void> {
  const names = Object.keys(peers);
  const members = names.map((each) => ({
    ...{ id: firstMemberId(each), name: each, address: peers[each]! },
    ...{ store: undefined, clients: [], votes: true },
  }));
  const storage = new DiskStorage(new NodeFiles(directory));
  const identity = {
    clusterId: firstClusterId(cluster, names),
    memberId: firstMemberId(name),
    memberName: name,
  };
  await new Promise<void>((resolve, reject) => {
    storage.openInSlices(identity, (error, recovered) => {
      if (recovered === undefined) reject(error);
      else resolve();
    });
  });
  return new Promise((resolve, reject) => {
    found(storage, members, state, (failure) => {
      storage.close((error: QuorateError | null) => {
        const reason = failure ?? error;
        if (reason === null) resolve();
        else reject(reason);
      });
    });
  });
}

function parse(args: readonly string[]) {
  const { values, positionals } = parseOrRefuse(args);
  const [file, ...rest] = positionals;
  if (file === undefined || rest.length > 0) throw new UsageError("one backup is expected");
  const { to, cluster } = values;
  if (to === undefined) throw new UsageError("--to is expected: the directory to make");
  checkEmpty(to);
  const bumped = values["bump-revision"] ?? "0";
  const by = Number(bumped);
  if (!/^\d+$/.test(bumped) || !Number.isSafeInteger(by))
    throw new UsageError("--bump-revision must be a whole number");
  const peers = values.peers === undefined ? {} : parsePeers(values.peers);
  const name = values.name ?? LONE_NAME;
  const hasPeers = values.peers !== undefined;
  const members = hasPeers ? peers : { [name]: LONE_ADDRESS };
  checkMemberNames(Object.keys(members));
  if (members[name] === undefined) throw new UsageError(`--name must be one of the peers, not ${name}`);
  const bump = { by, markCompacted: values["mark-compacted"] === true };
  return { file, to, name, peers: members, hasPeers, cluster, bump, json: values.json === true };
}

/** Throws UsageError. */
function checkEmpty(directory: string): void {
  const files = new NodeFiles(directory);
  checkDirectory(directory, "new");
  if (files.listSync("").includes(MANIFEST_PATH))
    throw new UsageError(`${directory} is not empty: it holds a store`);
  try {
    checkNothingElse(files, []);
  } catch (error) {
    if (!QuorateError.is(error, "ERR_FOREIGN_DIRECTORY")) throw error;
    throw new UsageError(`${directory} is not empty: it holds ${error.details.found.join(", ")}`);
  }
}

function parseOrRefuse(args: readonly string[]) {
  const text = { type: "string" } as const;
  const options = {
    ...{ to: text, name: text, peers: text, cluster: text, "bump-revision": text },
    "mark-compacted": { type: "boolean" },
    json: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw unusable(error, Object.keys(options));
  }
}

function parsePeers(text: string): Record<string, string> {
  const pairs = text.split(",").map((pair) => {
    const [name, address, ...rest] = pair.split("=");
    if (!name || !address || rest.length > 0) throw new UsageError(`"${pair}" is not name=host:port`);
    return [name, address] as const;
  });
  return Object.fromEntries(pairs);
}

/** Throws ERR_DISK. */
function openBackup(file: string): number {
  return attemptFile("cannot read the backup", file, () => {
    const descriptor = fs.openSync(file, "r");
    // A directory can be opened, but not read.
    fs.readSync(descriptor, new Uint8Array(1), 0, 1, 0);
    return descriptor;
  });
}

function readAt(descriptor: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let read = 0;
  for (let more = -1; more !== 0 && read < length; read += more)
    more = fs.readSync(descriptor, bytes, read, length - read, offset + read);
  return bytes.subarray(0, read);
}
