import { SessionTable } from "./session-table.ts";
import { snapshotChunks } from "./snapshot-chunks.ts";
import { StateReader } from "./state-reader.ts";

export interface RevisionBump {
  /** How many revisions to leave out: more than the lost cluster can have made since the backup. */
  readonly by: number;
  /** Whether what lies before the new revision counts as compacted: then watches from there end and say so. */
  readonly markCompacted: boolean;
}

/** No entry has this index. */
const BEFORE_ALL = 0;

/**
 * The state in a backup as another cluster begins with it, at a higher revision. It would otherwise use again the
 * revisions that the lost cluster gave out after the backup, for other changes, and clients that remember these would
 * never notice (etcd-io/etcd#16028). Keys keep their own revisions.
 *
 * What refers to the lost cluster's log is let go: leases get their whole time again, client sessions are over.
 * Throws what `StateReader` throws.
 */
export function bumpRevisions(
  chunks: Iterable<Uint8Array>,
  { by, markCompacted }: RevisionBump,
): Iterable<Uint8Array> {
  const reader = new StateReader();
  for (const chunk of chunks) reader.write(chunk);
  const state = { ...reader.finish(), sessions: new SessionTable() };
  const { store, leases } = state;
  store.skipTo(store.revision + by);
  if (markCompacted) store.compaction.begin(store.revision);
  for (const { id } of leases.pack()) leases.keepAlive(id, BEFORE_ALL);
  return snapshotChunks(state);
}
