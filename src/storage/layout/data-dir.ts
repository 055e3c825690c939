import type { Files } from "../files/files.ts";

/** What lies where in a data directory. `docs/formats.md` pictures the files themselves. */
export const MANIFEST_PATH = "manifest";
export const STATE_SLOT_PATHS = ["state.a", "state.b"] as const;
export const WAL_DIRECTORY = "wal";
export const SNAPSHOT_DIRECTORY = "snapshots";
/** What a repair set aside, for whoever looks for the cause. */
export const DAMAGED_DIRECTORY = "damaged";
/** Zeros that are given up when the disk is full. */
export const RESERVE_PATH = "reserve";

/** Unfinished files carry this ending until they are synced: after a crash they are nobody's. */
export const UNFINISHED = ".tmp";

/** Whether anything in the directory is ours, be it only a rest. */
export function isUsed(files: Files): boolean {
  return (
    files.listSync("").some((name) => name === STATE_SLOT_PATHS[0] || name === STATE_SLOT_PATHS[1]) ||
    files.listSync(WAL_DIRECTORY).length > 0 ||
    files.listSync(SNAPSHOT_DIRECTORY).length > 0
  );
}

/**
 * Deletes what an interrupted run left behind: files of our own making that the manifest does not name. Files whose
 * names we would never give are left alone.
 */
export function removeLeftovers(
  files: Files,
  directory: string,
  isLeftover: (name: string) => boolean,
): void {
  const leftovers = files.listSync(directory).filter(isLeftover);
  for (const name of leftovers) files.removeSync(`${directory}/${name}`);
  if (leftovers.length > 0) files.syncDirectorySync(directory);
}
