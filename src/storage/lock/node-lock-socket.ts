import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import { join } from "node:path";

/** The longest path that every system takes for a socket, with the zero behind it. */
const PATH_BYTES_MAX = 103;

/**
 * A socket on which the owner of a lock listens as long as its process lives. The kernel accepts connections to it, also
 * while the process is stopped or busy, and refuses them from the moment at which the process is gone. Whoever sees the
 * file can ask, whatever its namespaces.
 */
export class LockSocket {
  readonly #server: net.Server;
  readonly #path: string;

  /** Null where the file system, or the run-time, has no sockets. */
  static listen(directory: string, nonce: string): LockSocket | null {
    const server = net.createServer((socket) => socket.destroy());
    server.on("error", () => {}); // Whether it listens is looked at below.
    const { address, release } = addressOf(directory, nonce);
    try {
      // In a worker of `cluster` the primary would hold the socket for it, and outlive it.
      server.listen({ path: address, exclusive: true });
      server.unref();
    } catch {
      return null; // An address that the run-time does not take.
    } finally {
      release();
    }
    return server.listening ? new LockSocket(server, join(directory, nameOf(nonce))) : null;
  }

  private constructor(server: net.Server, path: string) {
    this.#server = server;
    this.#path = path;
  }

  close(): void {
    this.#server.close();
    removeSocket(this.#path);
  }
}

export type Answer = "answered" | "refused" | "unknown";

/** Whether a process listens on the socket of this owner. */
export function askSocket(directory: string, nonce: string, done: (answer: Answer) => void): void {
  const { address, release } = addressOf(directory, nonce);
  const socket = net.connect({ path: address });
  socket.once("connect", () => {
    release();
    socket.destroy();
    done("answered");
  });
  socket.once("error", ({ code }: NodeJS.ErrnoException) => {
    release();
    done(answerOf(code));
  });
}

export function removeSocketOf(directory: string, nonce: string): void {
  removeSocket(join(directory, nameOf(nonce)));
}

function answerOf(code: string | undefined): Answer {
  // Somebody listens, and has not accepted those that came before.
  if (code === "EAGAIN") return "answered";
  if (code === "ECONNREFUSED") return "refused";
  // A pipe's name goes with the process that made it. A socket's file may have been removed by anybody.
  return process.platform === "win32" && code === "ENOENT" ? "refused" : "unknown";
}

function nameOf(nonce: string): string {
  return `LOCK.${nonce}.sock`;
}

interface Address {
  readonly address: string;
  /** To be called once the address has been used. */
  release(): void;
}

/** A name for the socket that is short enough, however deep the directory lies. */
function addressOf(directory: string, nonce: string): Address {
  const nothing = (): void => {};
  if (process.platform === "win32")
    return { address: `\\\\.\\pipe\\quorate-lock-${nonce}`, release: nothing };
  const path = join(directory, nameOf(nonce));
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return { address: path, release: nothing };
  if (process.platform === "linux") {
    const descriptor = fs.openSync(directory, "r");
    const address = `/proc/self/fd/${descriptor}/${nameOf(nonce)}`;
    return { address, release: () => fs.closeSync(descriptor) };
  }
  const link = join(os.tmpdir(), `quorate-${nonce}-${process.pid}`);
  fs.rmSync(link, { force: true });
  fs.symlinkSync(directory, link);
  return { address: join(link, nameOf(nonce)), release: () => fs.rmSync(link, { force: true }) };
}

function removeSocket(path: string): void {
  if (process.platform !== "win32") fs.rmSync(path, { force: true });
}
