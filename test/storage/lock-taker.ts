import { QuorateError } from "../../src/base/errors.ts";
import { NodeFiles } from "../../src/storage/node-files.ts";

// Takes the locks of the directories given, tells which it got, and lives on until it is killed.

process.stdout.write("ready\n");
process.stdin.once("data", () => {
  for (const directory of process.argv.slice(2)) {
    try {
      new NodeFiles(directory).lock();
      process.stdout.write(`${directory}\n`);
    } catch (error) {
      if (!QuorateError.is(error, "ERR_LOCKED")) process.stdout.write(`failed ${String(error)}\n`);
    }
  }
  process.stdout.write("done\n");
});
