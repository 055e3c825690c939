/** The place of an entry in the log, counted from 1. Index 0 is before every entry. */
export type Index = number;

/** A leader's time in office, counted from 1. Term 0 is before every election. */
export type Term = number;

/** A member's number, above 0, never used again once it has voted. People see the member's name instead. */
export type MemberId = number;

/** A place in the log. Two logs that share an id are equal up to it (Raft, section 5.3). */
export interface EntryId {
  readonly index: Index;
  readonly term: Term;
}

/** What an entry is for: `command` is the state machine's, `membership` the core's; an empty command is a leader's first. */
export type EntryKind = "command" | "membership";

/** What a client asks to be agreed on: an entry that has no place yet. */
export interface Proposal {
  readonly kind: EntryKind;
  /** For the core these bytes are opaque; a `membership` proposal holds an encoded `MembershipChange`. */
  readonly data: Uint8Array;
}

/** One agreed step. Its bytes are encoded once: the same ones go to the WAL, to the peers and to the state machine. */
export interface Entry extends EntryId {
  readonly kind: EntryKind;
  readonly data: Uint8Array;
}

export function sameEntryId(left: EntryId, right: EntryId): boolean {
  return left.index === right.index && left.term === right.term;
}

/** What an entry weighs in every budget of bytes: its payload and the header that storage and wire give it. */
export function entryBytes(entry: Proposal): number {
  return entry.data.length + ENTRY_HEADER_BYTES;
}

/** kind u8, index u64, term u64, length u32: the layout of `entry-codec.ts`. */
export const ENTRY_HEADER_BYTES = 21;

/** What the objects around an entry's bytes weigh in memory, about: measured with a million entries. */
const ENTRY_OBJECT_BYTES = 256;

/** What an entry weighs in memory, about, while the log holds it. */
export function entryMemory(entry: Proposal): number {
  return entry.data.length + ENTRY_OBJECT_BYTES;
}
