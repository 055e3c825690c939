import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createWriteStream, openSync, type WriteStream } from "node:fs";
import { AUDIT_CHANNEL } from "../../etcd/call/audit.ts";
import { attemptFile } from "../file-error.ts";

/** What may wait for the disk. Beyond that events are left out, and it is said how many. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** Writes down what is told on the audit channel: an object of JSON in each line. */
export class AuditLog {
  readonly #stream: NodeJS.WritableStream & Pick<WriteStream, "writableLength">;
  #leftOut = 0;
  readonly #onEvent = (event: unknown): void => {
    if (this.#stream.writableLength > WAITING_BYTES_MAX) {
      this.#leftOut += 1;
      return;
    }
    if (this.#leftOut > 0) this.#stream.write(`${JSON.stringify({ leftOut: this.#leftOut })}\n`);
    this.#leftOut = 0;
    this.#stream.write(`${JSON.stringify(event)}\n`);
  };

  /**
   * Adds to the file, or writes to the standard output where it is called `-`. Throws ERR_DISK when the file cannot be
   * opened; `failed` is told why it cannot be written later.
   */
  constructor(path: string, failed: (error: Error) => void) {
    const open = (): number =>
      attemptFile("--audit-log: cannot write", path, () => openSync(path, "a", 0o600));
    this.#stream = path === "-" ? process.stdout : createWriteStream(path, { fd: open() });
    if (path !== "-") this.#stream.on("error", failed);
    subscribe(AUDIT_CHANNEL, this.#onEvent);
  }

  close(): void {
    unsubscribe(AUDIT_CHANNEL, this.#onEvent);
    if (this.#stream !== process.stdout) this.#stream.end();
  }
}
