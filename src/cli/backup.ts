import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { QuorateError } from "../base/errors.ts";
import { KvMachine } from "../kv/kv-machine.ts";
import { storedState } from "../replica/offline.ts";
import { encodeBackup } from "../storage/backup-file.ts";
import { corrupt } from "../storage/corrupt.ts";
import { MANIFEST_PATH, SNAPSHOT_DIRECTORY } from "../storage/data-dir.ts";
import { diskError } from "../storage/disk-error.ts";
import { readStore } from "../storage/disk-opening.ts";
import { readManifest } from "../storage/manifest.ts";
import { NodeFiles } from "../storage/node-files.ts";
import { atOnce } from "../storage/slices.ts";
import { DiskSnapshotReader } from "../storage/snapshot-reader.ts";
import { type Command, parsePositionals, UsageError } from "./command.ts";

export const backup: Command = {
  name: "backup",
  summary: "Write the state in a data directory to one file",
  help: `Usage: quorate backup DIR FILE

Writes the key-value state of a data directory to a new file: the newest snapshot,
and all later entries that this member knew to be committed. No process may have the
directory open; from a running member take \`store.backup()\`. Of a cluster, take the
directory of the member that is furthest: \`quorate inspect DIR\` shows "commit".

Ends with 0, or with 1 when the directory is damaged or in use.
`,
  run(args, print) {
    const [directory, file] = parsePositionals(args, ["a data directory", "a file to write"]);
    if (fs.existsSync(file!)) throw new UsageError(`${file} exists already`);
    const files = new NodeFiles(directory!);
    files.lock();
    try {
      const { index, term, revision, bytes } = writeBackup(files, file!);
      print(`${file}: ${bytes} bytes, revision ${revision}, entry ${index}@${term}\n`);
    } finally {
      files.unlock();
    }
    return 0;
  },
};

function writeBackup(files: NodeFiles, file: string) {
  const manifest = readManifest(files);
  if (manifest === null) throw corrupt({ file: MANIFEST_PATH, offset: 0, reason: "there is no store here" });
  const { clusterId, memberId } = manifest;
  const { log } = atOnce(readStore(files, manifest));
  const listing = log.snapshots.at(-1);
  if (listing === undefined)
    throw corrupt({ file: SNAPSHOT_DIRECTORY, offset: 0, reason: "this member was never sent a state" });
  const snapshot = new DiskSnapshotReader(files, listing);
  try {
    const machine = new KvMachine();
    const { chunks, ...place } = storedState({ clusterId, memberId, log, snapshot, machine, codec: BYTES });
    const { revision } = machine.store;
    const header = { ...place, backupId: randomBytes(16).toString("hex"), kind: "kv", revision };
    return { ...place, revision, bytes: writeWhole(file, encodeBackup(header, chunks)) };
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
    if (QuorateError.is(error)) throw error;
    throw diskError("write", file, (error as NodeJS.ErrnoException).code, error);
  }
  return bytes;
}

/** Commands of the key-value store are bytes already. */
const BYTES = { name: "bytes", encode: (bytes: Uint8Array) => bytes, decode: (bytes: Uint8Array) => bytes };
