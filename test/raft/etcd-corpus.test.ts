import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { replayFolder } from "./etcd-corpus/replay.ts";

/** Where etcd-raft's scenario files lie. They are replayed, not shipped. */
const FOLDER =
  process.env["QUORATE_ETCD_CORPUS"] ??
  new URL("../../../shared/conformance/etcd-raft/", import.meta.url).pathname;

describe.skipIf(!existsSync(FOLDER))(
  "etcd-raft's scenarios (needs the folder that QUORATE_ETCD_CORPUS names)",
  () => {
    for (const withLogs of [false, true]) {
      describe(
        withLogs ? "to the byte, with the lines of its logger" : "without the lines of its logger",
        () => {
          for (const { file, difference } of existsSync(FOLDER) ? replayFolder(FOLDER, withLogs) : []) {
            it(`come out as written in ${file}`, () => {
              expect(difference?.diff ?? "", `line ${difference?.line}: ${difference?.command}`).toBe("");
            });
          }
        },
      );
    }
  },
);
