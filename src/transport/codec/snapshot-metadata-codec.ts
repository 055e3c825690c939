import { type ByteReader, type ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import type { MemberId } from "../../log/entry.ts";
import { type Membership, REMOVED_MEMBERS_MAX } from "../../raft/membership.ts";
import type { SnapshotMetadata } from "../../raft/snapshot-metadata.ts";
import { readCount, readEntryId, readFlag, readMember, writeEntryId, writeFlag } from "./wire-fields.ts";

/** What a list of members may hold: far above any group that votes, far below what would exhaust a receiver. */
const MEMBERS_MAX = 1024;

export function writeSnapshotMetadata(writer: ByteWriter, snapshot: SnapshotMetadata): void {
  writeEntryId(writer, snapshot);
  const { voters, outgoing, learners, learnersNext, removed, autoLeave } = snapshot.membership;
  for (const members of [voters, outgoing, learners, learnersNext, removed]) {
    writer.u32(members.length);
    for (const member of members) writer.u64(member);
  }
  writeFlag(writer, autoLeave);
}

export function readSnapshotMetadata(reader: ByteReader): SnapshotMetadata {
  const { index, term } = readEntryId(reader);
  return { index, term, membership: readMembership(reader) };
}

function readMembership(reader: ByteReader): Membership {
  const voters = readAscending(reader);
  const outgoing = readAscending(reader);
  const learners = readAscending(reader);
  const learnersNext = readAscending(reader);
  const removed = readMembers(reader, REMOVED_MEMBERS_MAX);
  if (learners.some((id) => voters.includes(id))) throw new MalformedBytes("a member votes and learns");
  return { voters, outgoing, learners, learnersNext, autoLeave: readFlag(reader), removed };
}

function readAscending(reader: ByteReader): MemberId[] {
  const members = readMembers(reader, MEMBERS_MAX);
  for (let at = 1; at < members.length; at++) {
    if (members[at]! <= members[at - 1]!) throw new MalformedBytes("members not ascending");
  }
  return members;
}

function readMembers(reader: ByteReader, countMax: number): MemberId[] {
  const count = readCount(reader, 8);
  if (count > countMax) throw new MalformedBytes(`${count} members are too many`);
  const members: MemberId[] = [];
  for (let at = 0; at < count; at++) members.push(readMember(reader));
  return members;
}
