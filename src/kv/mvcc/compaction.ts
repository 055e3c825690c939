import type { ChangeLog } from "./change-log.ts";
import { NEVER_COMPACTED, type Revision } from "./key-history.ts";
import type { Key } from "./key-range.ts";

/** The keys, whose histories a compaction shortens. */
export interface CompactedKeys {
  compact(key: Key, revision: Revision): void;
}

/**
 * Gives up the past. The revision moves at once, so that every member refuses the same reads from the same entry on;
 * the memory is freed in steps by walking the changes up to there, since every version that is now useless was
 * replaced or deleted by one of them.
 */
export class Compaction {
  readonly #changes: ChangeLog;
  readonly #keys: CompactedKeys;
  #revision: Revision = NEVER_COMPACTED;
  /** The position of the next change to look at; at the end of the walk it rests behind the compacted revision. */
  #next = 0;
  #isDone = true;
  #pins = 0;

  constructor(changes: ChangeLog, keys: CompactedKeys) {
    this.#changes = changes;
    this.#keys = keys;
  }

  /** The oldest revision that can be read. */
  get revision(): Revision {
    return this.#revision;
  }

  /** Whether everything that can be freed is freed. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** The compacted revision of a snapshot, whose history begins there. */
  restore(revision: Revision): void {
    this.#revision = revision;
  }

  /** Refuses reads below `revision` from now on, and begins to free their memory. */
  begin(revision: Revision): void {
    this.#revision = revision;
    this.#next = this.#changes.start;
    this.#isDone = false;
  }

  /** Looks at up to `budget` changes, unless somebody still reads the past. Tells whether there is more to do at once. */
  step(budget: number): boolean {
    if (this.#isDone || this.#pins > 0) return false;
    for (let left = budget; left > 0; left--) {
      const change = this.#changes.at(this.#next);
      if (change === undefined || change.modRevision > this.#revision) {
        this.#isDone = true;
        return false;
      }
      this.#keys.compact(change.key, this.#revision);
      this.#next += 1;
      // Changes of the compacted revision itself stay, deletions too, for those who watch from there (etcd-io/etcd#18089).
      if (change.modRevision < this.#revision) this.#changes.dropTo(this.#next);
    }
    return true;
  }

  /** Keeps memory from being freed until the returned function is called: a snapshot reads the past while it is written. */
  pin(): () => void {
    this.#pins += 1;
    let isPinned = true;
    return () => {
      if (isPinned) this.#pins -= 1;
      isPinned = false;
    };
  }
}
