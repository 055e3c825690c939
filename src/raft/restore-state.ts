import { assert } from "../base/assert.ts";
import type { Entry, EntryId, Index, Term } from "../log/entry.ts";
import { Log } from "../log/log.ts";
import type { CoreState } from "./core.ts";
import type { HardState } from "./effects.ts";
import { changeMembership } from "./members.ts";
import { EMPTY_MEMBERSHIP, type Membership } from "./membership.ts";
import { decodeMembershipChange } from "./membership-codec.ts";
import type { Settings } from "./options.ts";
import type { SnapshotMetadata } from "./snapshot-metadata.ts";
import { isValidMembership } from "./validate.ts";

/**
 * What survived on the disk. A new group begins with the same snapshot on all its first members, at index 1 or later:
 * it says who takes part, and whoever joins later, with nothing at all, is sent one in the same way.
 */
export interface RaftState {
  readonly hardState: HardState;
  readonly snapshot: SnapshotMetadata | undefined;
  /** Without gaps. May begin at or below the snapshot; the first one then shows how far back the log reaches. */
  readonly entries: readonly Entry[];
  /** Up to here the host's state machine is restored. */
  readonly applied: Index;
  /**
   * Set when the disk has lost what it held: in this term and earlier ones this member may have acknowledged entries that
   * are not here any more. Until it knows an entry of a later term to be committed it neither votes nor stands.
   */
  readonly lostTerm?: Term | undefined;
}

/** What the core starts from. */
export function restoreState(initial: RaftState, settings: Settings): CoreState {
  const { hardState, snapshot } = initial;
  assert(
    snapshot === undefined || isValidMembership(snapshot.membership),
    "the snapshot holds no valid configuration",
  );
  const { base, entries } = connect(initial);
  const applied = Math.max(initial.applied, snapshot?.index ?? 0);
  const committed = Math.max(hardState.commit, applied);
  const log = new Log({ base, entries, committed, applied }, settings.committedBytesMax);
  const { term, vote } = hardState;
  return { term, vote, membership: membershipAt(log, snapshot), log, lostTerm: initial.lostTerm };
}

/** The entries, and the one before them. */
function connect({ snapshot, entries }: RaftState): { base: EntryId; entries: readonly Entry[] } {
  const base = snapshot === undefined ? BEGINNING : { index: snapshot.index, term: snapshot.term };
  assert(snapshot === undefined || snapshot.index > 0, "a snapshot covers one entry at least");
  const first = entries[0];
  if (first === undefined || first.index === base.index + 1) return { base, entries };
  assert(
    first.index <= base.index,
    () => `the log begins at ${first.index}, after a gap behind ${base.index}`,
  );

  // When the log does not contain the snapshot's last entry it is another history, which the snapshot replaced (7).
  const covered = entries[base.index - first.index];
  if (covered?.term !== base.term) return { base, entries: [] };
  if (first.index === 1) return { base: BEGINNING, entries };
  return { base: { index: first.index, term: first.term }, entries: entries.slice(1) };
}

const BEGINNING: EntryId = { index: 0, term: 0 };

/** Who takes part: the snapshot says it, and the changes that the host has applied since. */
function membershipAt(log: Log, snapshot: SnapshotMetadata | undefined): Membership {
  let membership = snapshot?.membership ?? EMPTY_MEMBERSHIP;
  for (let index = (snapshot?.index ?? 0) + 1; index <= log.applied; index++) {
    const { kind, data } = log.entryAt(index);
    if (kind !== "membership") continue;
    const after = changeMembership(membership, decodeMembershipChange(data));
    assert(typeof after !== "string", `entry ${index} is an impossible change of membership`);
    membership = after;
  }
  return membership;
}
