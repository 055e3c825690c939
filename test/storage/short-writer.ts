import { QuorateError } from "../../src/base/errors.ts";
import { DiskStorage } from "../../src/storage/disk/disk-storage.ts";
import { NodeFiles } from "../../src/storage/files/node-files.ts";
import { step } from "../../src/testkit/suites/step.ts";
import { IDENTITY } from "./script.ts";

// Saves short entries in the directory given, then one that is longer than a file may become, and tells how that ended.

const storage = new DiskStorage(new NodeFiles(process.argv[2]!), { segmentBytes: 8192, reserveBytes: 512 });
storage.open(IDENTITY);
let acknowledged = 0;

const save = (index: number, bytes: number): Promise<QuorateError | null> =>
  new Promise((resolve) => {
    const data = new Uint8Array(bytes).fill(1);
    storage.save(step({ entries: [{ index, term: 1, kind: "command", data }] }), resolve);
  });

for (let index = 1; index <= 5; index++) if ((await save(index, 100)) === null) acknowledged += 1;
const errors = [await save(6, 200_000), await save(7, 100)];
const told = errors.map((error) => QuorateError.is(error, "ERR_DISK") && error.details.errno);
process.stdout.write(JSON.stringify({ acknowledged, told }));
storage.close(() => {});
