import { monotonicNow, setTimeout } from "../../base/system-time.ts";
import {
  isSameSighting,
  isThisBoot,
  processVerdict,
  readSighting,
  type Sighting,
} from "./node-lock-owner.ts";
import { askSocket } from "./node-lock-socket.ts";

/** `changed`: the lock file is another one by now, and has to be looked at again. */
export type Verdict = "alive" | "dead" | "unknown" | "changed";

/** How often an owner shows that it lives. */
export const BEAT_MS = 1_000;

/** How long a lock file must show no sign of life before its owner counts as dead, where nothing else can tell. */
export const WATCH_MS = 5_000;

const LOOK_MS = 200;

/** What can be said without waiting. */
export function judgeAtOnce({ owner, device, inode }: Sighting): Exclude<Verdict, "changed"> {
  if (owner === null) return "alive"; // It is not ours to take.
  if (!isThisBoot(owner.boot)) return "unknown";
  // Its owner never held this file: the directory was copied together with its lock.
  if (owner.device === device && owner.inode !== inode) return "dead";
  return processVerdict(owner);
}

/**
 * Finds out whether the owner of a lock file lives. At once where both run under one kernel: by the process table of a
 * common pid namespace, or by the owner's socket if both see the file on the same mount of the same device. Otherwise by
 * watching the file for heartbeats. Only this process's monotonic clock counts, and only that the file changes.
 */
export function judge(
  directory: string,
  path: string,
  sighting: Sighting,
  done: (verdict: Verdict) => void,
): void {
  const { owner, device } = sighting;
  const verdict = judgeAtOnce(sighting);
  if (owner === null || verdict === "dead") {
    done(verdict);
    return;
  }
  const fallBack = (): void => (verdict === "alive" ? done(verdict) : watch(path, sighting, done));
  // On another device number the socket, too, may be another one, though it lies in the same place of the same volume.
  if (!owner.hasSocket || !isThisBoot(owner.boot) || owner.device !== device) {
    fallBack();
    return;
  }
  askSocket(directory, owner.nonce, (answer) => {
    if (answer === "answered") done("alive");
    else if (answer === "unknown") fallBack();
    // The process lives and does not listen: it gave the lock up with the thread that held it, or lost its socket.
    else if (verdict === "alive") watch(path, sighting, done);
    else done("dead");
  });
}

function watch(path: string, sighting: Sighting, done: (verdict: Verdict) => void): void {
  const begin = monotonicNow();
  const look = (): void => {
    let now: Sighting | null;
    try {
      now = readSighting(path);
    } catch {
      done("changed"); // Whoever reads it again reports why it cannot be read.
      return;
    }
    if (!isSameSighting(sighting, now))
      done(now?.owner?.nonce === sighting.owner?.nonce ? "alive" : "changed");
    else if (monotonicNow() - begin >= WATCH_MS) done("dead");
    else setTimeout(look, LOOK_MS);
  };
  look();
}
