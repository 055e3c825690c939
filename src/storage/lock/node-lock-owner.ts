import { randomBytes } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import { wallNow } from "../../base/system-time.ts";

/** Who holds a data directory: what others need to find out whether it still runs. */
export interface LockOwner {
  /** Names this one taking of the lock. */
  readonly nonce: string;
  readonly pid: number;
  readonly host: string;
  /** Names the kernel and its boot; "" where that is unknown. Unknown is never equal to unknown. */
  readonly boot: string;
  /** Names the space in which `pid` and `startTime` count; "" where that is unknown. */
  readonly pidSpace: string;
  /** When the process started, in ticks since its machine did; "" where the system does not tell. */
  readonly startTime: string;
  /** Whether it listens on a socket beside the lock file. */
  readonly hasSocket: boolean;
  /** The file that this record was written to: a record in another file of the same device is a copy. */
  readonly device: string;
  readonly inode: string;
}

/** A lock file as it was read at one moment. */
export interface Sighting {
  /** Null when the content is not a record of ours. */
  readonly owner: LockOwner | null;
  readonly device: string;
  readonly inode: string;
  /** Changes with each heartbeat of the owner. */
  readonly beat: string;
}

/** This process, as the owner of a lock that is written to the file with this descriptor. */
export function describeOurselves(nonce: string, descriptor: number, hasSocket: boolean): LockOwner {
  const { dev, ino } = fs.fstatSync(descriptor, { bigint: true });
  return {
    nonce,
    pid: process.pid,
    host: os.hostname(),
    boot: bootName(),
    pidSpace: pidSpaceName(),
    startTime: startTimeOf(process.pid) ?? "",
    hasSocket,
    device: String(dev),
    inode: String(ino),
  };
}

export function mintNonce(): string {
  return randomBytes(8).toString("hex");
}

/** Reads a lock file; null when it does not exist. Opening it makes a network file system fetch its current state. */
export function readSighting(path: string): Sighting | null {
  let descriptor: number;
  try {
    descriptor = fs.openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    const { dev, ino, mtimeNs } = fs.fstatSync(descriptor, { bigint: true });
    const owner = ownerFrom(fs.readFileSync(descriptor, "utf8"));
    return { owner, device: String(dev), inode: String(ino), beat: String(mtimeNs) };
  } finally {
    fs.closeSync(descriptor);
  }
}

export function isSameSighting(left: Sighting, right: Sighting | null): boolean {
  if (right === null || left.owner?.nonce !== right.owner?.nonce) return false;
  return left.device === right.device && left.inode === right.inode && left.beat === right.beat;
}

function ownerFrom(text: string): LockOwner | null {
  let found: Partial<LockOwner> | null;
  try {
    found = JSON.parse(text) as Partial<LockOwner> | null;
  } catch {
    return null; // Somebody else's file.
  }
  if (typeof found !== "object" || found === null) return null;
  const { nonce, pid, host, boot, pidSpace, startTime, hasSocket, device, inode } = found;
  const texts = [host, boot, pidSpace, startTime, device, inode];
  if (typeof nonce !== "string" || !/^[0-9a-f]{16}$/.test(nonce)) return null;
  if (!Number.isSafeInteger(pid) || !texts.every((text) => typeof text === "string")) return null;
  return { ...(found as LockOwner), hasSocket: hasSocket === true };
}

/** How far two readings of the time of one boot may lie apart, where the system gives it no name. */
const BOOT_TOLERANCE_S = 5;

export function isThisBoot(boot: string): boolean {
  const own = bootName();
  if (boot === "" || own === "") return false;
  if (boot === own) return true;
  const [host, time] = splitBoot(boot);
  const [ownHost, ownTime] = splitBoot(own);
  return host !== "" && host === ownHost && Math.abs(time - ownTime) <= BOOT_TOLERANCE_S;
}

/** Linux names each boot. Elsewhere the name of the host and the second at which it started have to do. */
function bootName(): string {
  if (process.platform === "linux") return textOf("/proc/sys/kernel/random/boot_id");
  return `${os.hostname()}@${Math.round(wallNow() / 1000 - os.uptime())}`;
}

function splitBoot(boot: string): [host: string, time: number] {
  const at = boot.lastIndexOf("@");
  return at < 0 ? ["", Number.NaN] : [boot.slice(0, at), Number(boot.slice(at + 1))];
}

/** Start times are shown relative to a time namespace, so it is part of the space. */
function pidSpaceName(): string {
  if (process.platform !== "linux") return "machine";
  const parts = ["pid", "time"].map((kind) => linkOf(`/proc/self/ns/${kind}`));
  return parts[0] === "" ? "" : parts.join(" ");
}

/** What the process table says of the owner; unknown where its number counts in another space. */
export function processVerdict({ pid, pidSpace, startTime }: LockOwner): "alive" | "dead" | "unknown" {
  if (pidSpace === "" || pidSpace !== pidSpaceName()) return "unknown";
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  const present = startTimeOf(pid);
  if (present === null || startTime === "") return "unknown";
  return present === startTime ? "alive" : "dead";
}

/** Null where the system does not tell; "dead" for a process that only waits to be reaped. */
function startTimeOf(pid: number): string | null {
  // A /proc that was mounted for another pid namespace tells of other processes.
  if (process.platform !== "linux" || linkOf("/proc/self") !== String(process.pid)) return null;
  const stat = textOf(`/proc/${pid}/stat`);
  if (stat === "") return null;
  // The name in brackets may hold anything; the state comes after its end.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? "dead" : (fields[19] ?? null);
}

function textOf(path: string): string {
  try {
    return fs.readFileSync(path, "utf8").trim();
  } catch {
    return ""; // The system does not tell.
  }
}

function linkOf(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch {
    return ""; // The system does not tell.
  }
}
