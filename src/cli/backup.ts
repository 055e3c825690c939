import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { KvMachine } from "../kv/machine/kv-machine.ts";
import { BYTE_COMMANDS } from "../replica/checked-codec.ts";
import { storedState } from "../replica/offline.ts";
import { promised } from "../replica/promised.ts";
import { readStore } from "../storage/disk/disk-opening.ts";
import { requireManifest } from "../storage/disk/examination.ts";
import { corrupt } from "../storage/files/corrupt.ts";
import type { NodeFiles } from "../storage/files/node-files.ts";
import { atOnce } from "../storage/files/slices.ts";
import { SNAPSHOT_DIRECTORY } from "../storage/layout/data-dir.ts";
import { encodeBackup } from "../storage/snapshots/backup-file.ts";
import { DiskSnapshotReader } from "../storage/snapshots/snapshot-reader.ts";
import { type Command, type ExitCode, parsePositionals, UsageError } from "./command.ts";
import { storeIn } from "./examine.ts";
import { fileError } from "./file-error.ts";

export const backup: Command = {
  name: "backup",
  summary: "Write the state in a data directory to one file",
  help: `Usage: quorate backup DIR FILE [--json]

Writes the key-value state of a data directory to a new file: the newest snapshot,
and all later entries that this member knew to be committed. No process may have the
directory open; from a running member take \`store.backup()\`. Of a cluster, take the
directory of the member that is furthest: \`quorate inspect DIR\` shows "commit".

  --json      what was written, as JSON

Ends with 0, or with 1 when the directory is damaged, in use, or cannot be read.
`,
  async run(args, print): Promise<ExitCode> {
    const { words, json } = parsePositionals(args, ["a data directory", "a file to write"]);
    const [directory, file] = words;
    if (fs.existsSync(file!)) throw new UsageError(`${file} exists already`);
    const files = storeIn(directory!);
    await promised((done) => files.lockWhenFree(done));
    try {
      const written = writeBackup(files, file!);
      const { index, term, revision, bytes } = written;
      if (json) print(`${JSON.stringify({ file, ...written }, null, 2)}\n`);
      else print(`${file}: ${bytes} bytes, revision ${revision}, entry ${index}@${term}\n`);
    } finally {
      files.unlock();
    }
    return 0;
  },
};

interface WrittenBackup {
  readonly backupId: string;
  readonly clusterId: string;
  readonly index: number;
  readonly term: number;
  readonly revision: number;
  readonly bytes: number;
}

function writeBackup(files: NodeFiles, file: string): WrittenBackup {
  const manifest = requireManifest(files);
  const { clusterId, memberId } = manifest;
  const { log } = atOnce(readStore(files, manifest));
  const listing = log.snapshots.at(-1);
  if (listing === undefined)
    throw corrupt({ file: SNAPSHOT_DIRECTORY, offset: 0, reason: "this member was never sent a state" });
  const snapshot = new DiskSnapshotReader(files, listing);
  try {
    const machine = new KvMachine();
    const { chunks, ...place } = storedState({
      clusterId,
      memberId,
      log,
      snapshot,
      machine,
      codec: BYTE_COMMANDS,
    });
    const { revision } = machine.store;
    const backupId = randomBytes(16).toString("hex");
    const { index, term } = place;
    const bytes = writeWhole(file, encodeBackup({ ...place, backupId, kind: "kv", revision }, chunks));
    return { backupId, clusterId, index, term, revision, bytes };
  } finally {
    snapshot.close();
  }
}

/** The file appears whole and durable, or not at all. */
function writeWhole(file: string, pieces: Iterable<Uint8Array>): number {
  const unfinished = `${file}.tmp`;
  let bytes = 0;
  try {
    const descriptor = fs.openSync(unfinished, "w", 0o600);
    try {
      for (const piece of pieces) {
        fs.writeFileSync(descriptor, piece);
        bytes += piece.length;
      }
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
    fs.renameSync(unfinished, file);
  } catch (error) {
    throw fileError("cannot write", file, error);
  }
  return bytes;
}
