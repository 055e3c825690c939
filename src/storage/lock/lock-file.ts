/** Names the process that has the directory open. */
export const LOCK_NAME = "LOCK";

/** Returns whether this file is LOCK, or belongs to a process that takes, holds or releases the lock. */
export function isLockFile(name: string): boolean {
  return /^LOCK(\.[0-9a-f]{16})*(\.tmp|\.next|\.sock)?$/.test(name);
}
