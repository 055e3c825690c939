/**
 * Why the core did not take a request. A refusal is final for that request: it left no trace in the log, so that it
 * is safe to ask again.
 */
export type RefusalReason =
  /** Nobody leads, as far as this member knows. */
  | "no-leader"
  /** This member does not lead, and forwarding is off. */
  | "not-leader"
  /** Leadership is being handed over. */
  | "transferring"
  /** Too many bytes wait for a quorum. */
  | "over-budget"
  /** This member is no longer, or not yet, part of the group. */
  | "not-a-member"
  /** Learners cannot do this. */
  | "learner"
  /** An earlier change of membership is not applied yet. */
  | "change-pending"
  /** The configuration is joint and must be left first. */
  | "joint"
  /** There is no joint configuration to leave. */
  | "not-joint"
  /** The change would make no valid configuration. */
  | "invalid-change"
  /** The configuration is not the one that the change was made for. */
  | "configuration-changed"
  /** The id belonged to a member that was removed. */
  | "removed-id"
  /** The learner is too far behind to become a voter. */
  | "learner-not-ready"
  /** It would break the promise on which reads by lease rest. */
  | "lease"
  /** The member has a snapshot to take first, or committed changes to apply. */
  | "not-promotable"
  /** The role or the term changed before the request was decided. */
  | "superseded"
  /** Too many reads wait. */
  | "too-many-reads"
  /** The message cannot come from a correct member of this group. */
  | "malformed"
  /** The group has failed and takes nothing more. */
  | "failed";

/** Why the core did not accept a proposal or another request. Nothing was appended. */
export interface Refusal {
  readonly refused: RefusalReason;
  /** For people: what exactly, with the numbers. */
  readonly detail?: string;
}
