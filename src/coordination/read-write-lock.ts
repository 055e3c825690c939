import { Lock } from "./lock.ts";
import type { Blocker, WaitQueue } from "./wait-queue.ts";

/** The value of a reader's key. Whatever else stands in the line wants it alone: a plain lock of the same name, too. */
const READER = "read";

/** A reader waits for the last writer ahead; readers among themselves do not wait. */
const writers: Blocker = (ahead) => ahead.findLast(({ value }) => value !== READER);

/**
 * A lock that many readers share or one writer has alone. Both stand in one line: a reader who comes after a waiting
 * writer waits behind it, so that neither side starves.
 */
export class ReadWriteLock {
  readonly read: Lock;
  readonly write: Lock;

  /** @internal Use `Coordination.readWriteLock`. */
  constructor(line: WaitQueue) {
    this.read = new Lock(line, READER, writers);
    this.write = new Lock(line, "write");
  }
}
