import { createInterface } from "node:readline";
import type { QuorateError } from "../../../src/base/errors.ts";
import { NodeFiles } from "../../../src/storage/files/node-files.ts";

// Takes and gives up the lock of a directory, and writes in it, as it is told: one command in a line, one answer each.
// The answer is "ok", or the code of the error with what its details tell of the holder.

let files = new NodeFiles(".");

const COMMANDS: Readonly<
  Record<string, (argument: string, done: (error: QuorateError | null) => void) => void>
> = {
  take: (argument, done) => {
    const [lockTimeoutMs, directory] = argument.split(" ");
    const onLockWait = (): void => void process.stdout.write("waiting\n");
    files = new NodeFiles(directory!, { lockTimeoutMs: Number(lockTimeoutMs), onLockWait });
    files.lockWhenFree(done);
  },
  write: (text, done) => files.write("written", Buffer.from(text), done),
  block: (ms, done) => {
    const end = performance.now() + Number(ms);
    while (performance.now() < end);
    done(null);
  },
  release: (_, done) => {
    files.unlock();
    done(null);
  },
};

createInterface(process.stdin).on("line", (line) => {
  const [command, ...rest] = line.split(" ");
  COMMANDS[command!]!(rest.join(" "), (error) => {
    const { pid, host } = (error?.details ?? {}) as { pid?: number; host?: string };
    process.stdout.write(error === null ? "ok\n" : `${error.code} ${pid} ${host}\n`);
  });
});
process.stdout.write("ready\n");
