import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import type { Done } from "../base/callback.ts";
import { QuorateError } from "../base/errors.ts";
import { diskError } from "./disk-error.ts";

/** Who holds a directory: enough to tell a living owner from one whose number another process has by now. */
interface Owner {
  readonly pid: number;
  /** When the process began, as the system counts it; "" where the system does not say. */
  readonly startTime: string;
  /** Names the run of the machine; "" where the system does not say. */
  readonly bootId: string;
  /** Names this one taking of the lock. */
  readonly nonce: string;
}

const LOCK_NAME = "LOCK";

/**
 * The lock on a data directory: the file LOCK, which names its owner. It appears whole, by a link, so nobody ever
 * reads half an owner. The lock of a dead owner is taken over at once.
 *
 * Taking over is guarded by a lock of the same kind, named after the dead owner's nonce; whoever holds that one looks
 * again, and only if LOCK still names the same dead owner puts its own name in its place. So two processes that find
 * the same dead owner cannot both win, whenever one of them is stopped or killed.
 *
 * Not guarded against: processes that cannot see each other, on two machines with a shared directory or in
 * containers with their own process numbers.
 */
export class NodeLock {
  readonly #directory: string;
  #owner: Owner | null = null;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Throws ERR_LOCKED, ERR_DISK. */
  take(): void {
    const owner = describeOurselves();
    try {
      this.#acquire(LOCK_NAME, owner);
    } catch (error) {
      if (error instanceof QuorateError) throw error;
      throw diskError("lock", LOCK_NAME, (error as NodeJS.ErrnoException).code, error);
    }
    this.#owner = owner;
  }

  /** Fails with ERR_LOCKED where LOCK names somebody else by now, or nobody. */
  check(done: Done): void {
    fs.readFile(this.#at(LOCK_NAME), "utf8", (error, text) => {
      if (error !== null && error.code !== "ENOENT") {
        done(diskError("read", LOCK_NAME, error.code, error));
        return;
      }
      const owner = error === null ? ownerFrom(text) : NOBODY;
      done(owner.nonce === this.#owner?.nonce ? null : this.#lost(owner));
    });
  }

  release(): void {
    if (this.#owner === null) return;
    const isOurs = readOwner(this.#at(LOCK_NAME))?.nonce === this.#owner.nonce;
    this.#owner = null;
    if (isOurs) fs.rmSync(this.#at(LOCK_NAME), { force: true });
  }

  #acquire(name: string, us: Owner): void {
    while (!this.#link(name, us)) {
      const owner = readOwner(this.#at(name));
      if (owner === null) continue; // It was released just now.
      if (isAlive(owner)) throw this.#locked(owner);
      if (this.#succeed(name, owner, us)) return;
    }
  }

  /** Creates the lock file, with its content, unless there is one. */
  #link(name: string, us: Owner): boolean {
    const own = this.#writeAside(us);
    try {
      fs.linkSync(own, this.#at(name));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      fs.rmSync(own, { force: true });
    }
  }

  /** Takes the place of a dead owner; false when somebody else was quicker. */
  #succeed(name: string, dead: Owner, us: Owner): boolean {
    const succession = `${name}.${dead.nonce}`;
    this.#acquire(succession, us);
    try {
      if (readOwner(this.#at(name))?.nonce !== dead.nonce) return false;
      fs.renameSync(this.#writeAside(us), this.#at(name));
      return true;
    } finally {
      fs.rmSync(this.#at(succession), { force: true });
    }
  }

  #writeAside(us: Owner): string {
    const path = this.#at(`${LOCK_NAME}.${us.nonce}.tmp`);
    // Synced before it gets its name: after a power cut an empty lock would name nobody, and hold for ever.
    fs.writeFileSync(path, JSON.stringify(us), { mode: 0o600, flush: true });
    return path;
  }

  #at(name: string): string {
    return join(this.#directory, name);
  }

  #locked({ pid }: Owner): QuorateError<"ERR_LOCKED"> {
    const details = { directory: this.#directory, pid: pid === 0 ? null : pid };
    return new QuorateError("ERR_LOCKED", `${this.#directory} is in use by process ${pid}`, details);
  }

  #lost({ pid }: Owner): QuorateError<"ERR_LOCKED"> {
    const details = { directory: this.#directory, pid: pid === 0 ? null : pid };
    const message = `${this.#directory} was taken over while this process had it open`;
    return new QuorateError("ERR_LOCKED", message, details, { outcome: "unknown" });
  }
}

/** The process that has a directory open, null when none does. */
export function lockHolder(directory: string): number | null {
  const owner = readOwner(join(directory, LOCK_NAME));
  return owner !== null && isAlive(owner) ? owner.pid : null;
}

function describeOurselves(): Owner {
  return {
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? "",
    bootId: bootId(),
    nonce: randomBytes(8).toString("hex"),
  };
}

/** Null where there is no such file. A file that is not ours counts as held by somebody unknown. */
function readOwner(path: string): Owner | null {
  let text: string;
  try {
    text = fs.readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  return ownerFrom(text);
}

function ownerFrom(text: string): Owner {
  try {
    const { pid, startTime, bootId: boot, nonce } = JSON.parse(text) as Owner;
    if (Number.isSafeInteger(pid) && /^[0-9a-f]{16}$/.test(nonce))
      return { pid, startTime, bootId: boot, nonce };
  } catch {
    // Falls through: it is no lock of ours.
  }
  return NOBODY;
}

const NOBODY: Owner = { pid: 0, startTime: "", bootId: "", nonce: "" };

function isAlive({ pid, startTime, bootId: boot }: Owner): boolean {
  if (pid === 0) return true;
  if (boot !== "" && boot !== bootId()) return false;
  const present = startTimeOf(pid);
  if (present === DEAD) return false;
  if (present !== null) return present === startTime;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

const DEAD = "dead";

/** When a process began, in ticks since the machine did; DEAD for one that only waits to be noticed; null where one cannot see. */
function startTimeOf(pid: number): string | null {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold anything; the state comes after its end.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? DEAD : (fields[19] ?? null);
  } catch {
    return null;
  }
}

function bootId(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
