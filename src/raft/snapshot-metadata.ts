import type { EntryId } from "../log/entry.ts";
import type { Membership } from "./membership.ts";

/** Everything up to this entry as one state, and who took part at that point. */
export interface SnapshotMetadata extends EntryId {
  readonly membership: Membership;
}
