import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { UsageError } from "../command.ts";
import { attemptFile } from "../file-error.ts";
import { asJson, clientCommand, expectWords } from "./client-command.ts";

export const snapshot = clientCommand({
  name: "snapshot",
  summary: "Save a server's state to a file",
  usage: "snapshot FILE [FLAG …]",
  help: `
Saves what the first of the endpoints sends as its snapshot. The file is complete when
it has its name: until then it is called FILE.part. That of an etcd server is etcd's own
and can be restored by etcdutl; that of a Quorate server is for Quorate.`,
  flags: {},
  async run({ store, words, json, print }) {
    const [path] = expectWords(words, "FILE");
    const part = `${path}.part`;
    const place = attemptFile("cannot write", path!, () => statSync(path!, { throwIfNoEntry: false }));
    if (place?.isDirectory())
      throw new UsageError(`${path} is a directory, where a file to write is expected`);
    const file = attemptFile("cannot write", path!, () => openSync(part, "w", 0o600));
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      for await (const piece of store.cluster.snapshot()) {
        attemptFile("cannot write", part, () => writeSync(file, piece));
        hash.update(piece);
        bytes += piece.length;
      }
      attemptFile("cannot write", path!, () => {
        fsyncSync(file);
        closeSync(file);
        renameSync(part, path!);
      });
    } catch (error) {
      rmSync(part);
      throw error;
    }
    const sha256 = hash.digest("hex");
    print(json ? asJson({ file: path, bytes, sha256 }) : `${path}: ${bytes} bytes, SHA-256 ${sha256}\n`);
    return 0;
  },
});
