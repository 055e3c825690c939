import type { Done } from "../../base/callback.ts";
import type { Clock, Timer } from "../../base/clock.ts";
import { QuorateError } from "../../base/errors.ts";
import type { Files } from "../files/files.ts";
import { RESERVE_PATH } from "./data-dir.ts";

/** How long a full disk is left alone before anybody asks it again. */
const RETRY_MS = 1000;

interface Attempt {
  readonly task: (done: Done) => void;
  readonly done: Done;
  readonly error: QuorateError;
}

export interface DiskReserveParts {
  readonly files: Files;
  readonly clock: Clock;
  /** Length of the reserve; with 0 there is none. */
  readonly reserveBytes: number;
}

/**
 * Room on the disk. What takes more of it comes here: while the disk is full it waits and is tried again, in place of
 * stopping the storage. So a full disk is a slow disk, until there is room again.
 *
 * A file of zeros is kept in reserve and given up at the first refusal: without it a disk that is full of our own
 * segments could not even take the manifest that gives them up, nor a snapshot that covers them.
 */
export class DiskReserve {
  readonly #parts: DiskReserveParts;
  #waiting: Attempt[] = [];
  #underWay = 0;
  #hasReserve: boolean;
  #isFull = false;
  #isClosed = false;
  #timer: Timer | null = null;

  constructor(parts: DiskReserveParts) {
    this.#parts = parts;
    this.#hasReserve = parts.reserveBytes === 0 || parts.files.listSync("").includes(RESERVE_PATH);
    this.#settle();
  }

  /** From the first refusal for want of room until all that waited is done and the reserve is there again. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Runs a task that begins from nothing each time: again and again while it fails only for want of room. */
  attempt(task: (done: Done) => void, done: Done): void {
    this.#underWay += 1;
    task((error) => {
      this.#underWay -= 1;
      if (error !== null && isNoSpace(error) && !this.#isClosed) {
        this.#waiting.push({ task, done, error });
        this.#becomeFull();
        return;
      }
      done(error);
      this.#settle();
    });
  }

  /** Gives up on what waits: it fails. What comes later is tried once. */
  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    const waiting = this.#waiting.splice(0);
    this.#parts.clock.soon(() => {
      for (const { done, error } of waiting) done(error);
    });
  }

  #becomeFull(): void {
    this.#isFull = true;
    if (this.#hasReserve && this.#parts.reserveBytes > 0) {
      this.#hasReserve = false;
      this.#parts.files.remove(RESERVE_PATH, () => {});
    }
    this.#timer ??= this.#parts.clock.after(RETRY_MS, () => {
      this.#timer = null;
      for (const { task, done } of this.#waiting.splice(0)) this.attempt(task, done);
      this.#settle();
    });
  }

  /** Once nothing waits, the reserve is made again; only then is there room. */
  #settle(): void {
    if (this.#underWay > 0 || this.#waiting.length > 0 || this.#isClosed || this.#timer !== null) return;
    if (this.#hasReserve) {
      this.#isFull = false;
      return;
    }
    const { files, reserveBytes } = this.#parts;
    this.#underWay += 1;
    files.write(RESERVE_PATH, new Uint8Array(reserveBytes), (error) => {
      this.#underWay -= 1;
      this.#hasReserve = true;
      if (error !== null) this.#becomeFull();
      else this.#settle();
    });
  }
}

/** Whether a call failed only because the disk, or our share of it, is full. */
export function isNoSpace(error: unknown): boolean {
  if (!QuorateError.is(error, "ERR_DISK")) return false;
  const { errno } = error.details;
  return errno === "ENOSPC" || errno === "EDQUOT";
}
