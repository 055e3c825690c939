import { QuorateError } from "../../base/errors.ts";
import {
  DAMAGED_DIRECTORY,
  MANIFEST_PATH,
  RESERVE_PATH,
  SNAPSHOT_DIRECTORY,
  UNFINISHED,
  WAL_DIRECTORY,
} from "../layout/data-dir.ts";
import { isLockFile } from "../lock/lock-file.ts";

/** What of a directory has to be looked at; `Files` has it, and so has any directory by way of `NodeFiles`. */
interface Listing {
  /** Where it lies, for people. */
  readonly directory?: string;
  listSync(directory: string): string[];
}

/**
 * What file systems and tools put into a directory that nobody uses: the roots of ext4 volumes, snapshots of NetApp, files
 * that an NFS client still has open, what desktops and appliances index, and what keeps an empty directory in a repository.
 */
const HARMLESS =
  /^(lost\+found|\.snapshots?|\.nfs[0-9a-f]+|\.DS_Store|\._.*|\.Trash.*|\.fseventsd|\.Spotlight-V100|System Volume Information|\$RECYCLE\.BIN|@eaDir|aquota\.(user|group)|\.gitkeep|\.gitignore|\.keep)$/;

/** What a start of ours may have left before there was a manifest. */
const OURS: readonly string[] = [
  MANIFEST_PATH + UNFINISHED,
  WAL_DIRECTORY,
  SNAPSHOT_DIRECTORY,
  DAMAGED_DIRECTORY,
  RESERVE_PATH,
];

const LMDB_NAMES: readonly string[] = ["quorate.lmdb", "quorate.lmdb-lock"];

/** How many names an error carries. */
const NAMES_MAX = 10;

/**
 * Throws ERR_FOREIGN_DIRECTORY where a new store is about to be made beside something else: whoever gave this directory
 * most likely meant another one, or what is in it.
 */
export function checkNothingElse(files: Listing, own: readonly string[] = OURS): void {
  const found = files
    .listSync("")
    .filter((name) => !own.includes(name) && !isLockFile(name) && !HARMLESS.test(name));
  if (found.length === 0) return;
  const directory = files.directory ?? "the data directory";
  const { kind, advice } = kindOf(files, directory, found);
  const names = found.slice(0, NAMES_MAX);
  const more = found.length > names.length ? ` and ${found.length - names.length} more` : "";
  const message = `${directory} holds no store that can be opened here, but ${names.join(", ")}${more}: ${advice}`;
  throw new QuorateError("ERR_FOREIGN_DIRECTORY", message, { directory, found: names, kind });
}

/** Whether this is `member` of a data directory of etcd, whose WAL lies where ours does. */
export function isEtcds(files: Listing): boolean {
  return files.listSync("").includes("snap");
}

function kindOf(files: Listing, directory: string, found: readonly string[]) {
  const inMember = found.includes("member") ? files.listSync("member") : [];
  if (found.includes("snap") || inMember.includes("snap")) {
    const advice = "this is data of etcd, whose files cannot be read; copy its keys with etcdctl make-mirror";
    return { kind: "etcd", advice } as const;
  }
  if (inMember.includes(MANIFEST_PATH)) {
    const advice = `start that member with quorate serve --data-dir ${directory}`;
    return { kind: "server", advice } as const;
  }
  if (found.includes(MANIFEST_PATH)) {
    return { kind: "store", advice: "this is a store in files; open it without LmdbStorage" } as const;
  }
  if (LMDB_NAMES.some((name) => found.includes(name)))
    return { kind: "lmdb", advice: "this is a store in LMDB; open it with LmdbStorage" } as const;
  const stores = found.filter((name) => files.listSync(name).includes(MANIFEST_PATH));
  if (stores.length > 0) {
    return {
      kind: "files",
      advice: `give the store's own directory, such as ${directory}/${stores[0]}`,
    } as const;
  }
  return { kind: "files", advice: "give an empty directory, or that of a store" } as const;
}
