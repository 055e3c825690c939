import { ByteReader, ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import {
  ENTRY_HEADER_BYTES,
  type Entry,
  type EntryId,
  type MemberId,
  type Proposal,
} from "../../log/entry.ts";
import { readEntry, writeEntry } from "../../log/entry-codec.ts";
import type { AppendMessage, Message } from "../../raft/message.ts";
import type { Refusal } from "../../raft/refusal.ts";
import { readRefusal, writeRefusal } from "./refusal-codec.ts";
import { readSnapshotMetadata, writeSnapshotMetadata } from "./snapshot-metadata-codec.ts";
import { readCount, readEntryId, readFlag, readMember, writeEntryId, writeFlag } from "./wire-fields.ts";

/** The first byte of every message. A change of layout takes the next number. */
export const MESSAGE_VERSION = 1;

/** A scratch buffer that grew beyond this for one large message is not kept. */
const SCRATCH_BYTES_MAX = 1024 * 1024;

/** How each kind of message is told on the wire. A number is never given to another kind. */
const CODES: Record<Message["kind"], number> = {
  append: 1,
  "append-accepted": 2,
  "append-rejected": 3,
  heartbeat: 4,
  "heartbeat-reply": 5,
  vote: 6,
  "vote-reply": 7,
  "pre-vote": 8,
  "pre-vote-reply": 9,
  snapshot: 10,
  "timeout-now": 11,
  "transfer-leader": 12,
  propose: 13,
  "propose-reply": 14,
  "read-index": 15,
  "read-index-reply": 16,
  quiesce: 17,
  "commit-news": 18,
};

const KINDS = new Map(Object.entries(CODES).map(([kind, code]) => [code, kind as Message["kind"]]));

let scratch = new ByteWriter();

/** A message as bytes of its own: `version u8 | kind u8 | from u64 | to u64 | term u64 | fields`, little-endian. */
export function encodeMessage(message: Message): Uint8Array {
  return encodeWith((writer) => writeMessage(writer, message));
}

/** Throws MalformedBytes, and nothing else, on bytes that are not one message. The data of its entries are views of `bytes`. */
export function decodeMessage(bytes: Uint8Array): Message {
  const reader = new ByteReader(bytes);
  const message = readMessage(reader);
  reader.end();
  return message;
}

/** Runs `write` on a shared buffer and gives a copy of what it wrote. */
export function encodeWith(write: (writer: ByteWriter) => void): Uint8Array {
  scratch.reset();
  write(scratch);
  const bytes = scratch.take();
  if (bytes.length > SCRATCH_BYTES_MAX) scratch = new ByteWriter();
  return bytes;
}

export function writeMessage(writer: ByteWriter, message: Message): void {
  writer.u8(MESSAGE_VERSION);
  writer.u8(CODES[message.kind]);
  writer.u64(message.from);
  writer.u64(message.to);
  writer.u64(message.term);
  writeFields(writer, message);
}

function writeFields(writer: ByteWriter, message: Message): void {
  switch (message.kind) {
    case "append":
      writeEntryId(writer, message.previous);
      writer.u64(message.commit);
      writer.u32(message.entries.length);
      for (const entry of message.entries) writeEntry(writer, entry);
      break;
    case "append-accepted":
      writer.u64(message.matched);
      break;
    case "append-rejected":
      writer.u64(message.rejected);
      writeEntryId(writer, message.hint);
      break;
    case "heartbeat":
      writer.u64(message.commit);
      writer.u64(message.readRound);
      break;
    case "heartbeat-reply":
      writer.u64(message.readRound);
      break;
    case "vote":
      writeEntryId(writer, message.last);
      writeFlag(writer, message.transfer);
      break;
    case "pre-vote":
    case "quiesce":
      writeEntryId(writer, message.last);
      break;
    case "vote-reply":
    case "pre-vote-reply":
      writeFlag(writer, message.granted);
      break;
    case "commit-news":
      writeEntryId(writer, message.committed);
      break;
    case "snapshot":
      writeSnapshotMetadata(writer, message.snapshot);
      break;
    case "timeout-now":
      break;
    case "transfer-leader":
      writer.u64(message.target);
      break;
    case "propose":
      writer.u64(message.request);
      writer.u32(message.proposals.length);
      for (const proposal of message.proposals) writeProposal(writer, proposal);
      break;
    case "propose-reply":
      writer.u64(message.request);
      writeResult(writer, message.result, writeEntryId);
      break;
    case "read-index":
      writer.u64(message.request);
      break;
    case "read-index-reply":
      writer.u64(message.request);
      writeResult(writer, message.result, writeIndex);
      break;
  }
}

/** Reads one message and leaves what follows it unread. */
export function readMessage(reader: ByteReader): Message {
  const version = reader.u8();
  if (version !== MESSAGE_VERSION) throw new MalformedBytes(`messages of version ${version} are unknown`);
  const kind = KINDS.get(reader.u8());
  if (kind === undefined) throw new MalformedBytes("unknown kind of message");
  const from = readMember(reader);
  const to = readMember(reader);
  return readFields(reader, kind, from, to, reader.u64());
}

function readFields(
  reader: ByteReader,
  kind: Message["kind"],
  from: MemberId,
  to: MemberId,
  term: number,
): Message {
  switch (kind) {
    case "append":
      return readAppend(reader, from, to, term);
    case "append-accepted":
      return { kind, from, to, term, matched: reader.u64() };
    case "append-rejected":
      return { kind, from, to, term, rejected: reader.u64(), hint: readEntryId(reader) };
    case "heartbeat":
      return { kind, from, to, term, commit: reader.u64(), readRound: reader.u64() };
    case "heartbeat-reply":
      return { kind, from, to, term, readRound: reader.u64() };
    case "vote":
      return { kind, from, to, term, last: readEntryId(reader), transfer: readFlag(reader) };
    case "pre-vote":
    case "quiesce":
      return { kind, from, to, term, last: readEntryId(reader) };
    case "vote-reply":
    case "pre-vote-reply":
      return { kind, from, to, term, granted: readFlag(reader) };
    case "commit-news":
      return { kind, from, to, term, committed: readEntryId(reader) };
    case "snapshot":
      return { kind, from, to, term, snapshot: readSnapshotMetadata(reader) };
    case "timeout-now":
      return { kind, from, to, term };
    case "transfer-leader":
      return { kind, from, to, term, target: readMember(reader) };
    case "propose":
      return { kind, from, to, term, request: reader.u64(), proposals: readProposals(reader) };
    case "propose-reply":
      return { kind, from, to, term, request: reader.u64(), result: readResult(reader, readEntryId) };
    case "read-index":
      return { kind, from, to, term, request: reader.u64() };
    case "read-index-reply":
      return { kind, from, to, term, request: reader.u64(), result: readResult(reader, readIndex) };
  }
}

/**
 * The entries of an append lie side by side after `previous`, and their terms never go back nor above the leader's own.
 * The log relies on it, so a message that says otherwise ends here.
 */
function readAppend(reader: ByteReader, from: MemberId, to: MemberId, term: number): AppendMessage {
  const previous = readEntryId(reader);
  const commit = reader.u64();
  const count = readCount(reader, ENTRY_HEADER_BYTES);
  const entries: Entry[] = [];
  let before: EntryId = previous;
  for (let at = 0; at < count; at++) {
    const entry = readEntry(reader);
    if (entry.index !== before.index + 1) throw new MalformedBytes("entries with a gap");
    if (entry.term < before.term || entry.term > term) throw new MalformedBytes("entries out of term");
    entries.push(entry);
    before = entry;
  }
  return { kind: "append", from, to, term, previous, entries, commit };
}

function writeProposal(writer: ByteWriter, proposal: Proposal): void {
  writeFlag(writer, proposal.kind === "membership");
  writer.block(proposal.data);
}

function readProposals(reader: ByteReader): Proposal[] {
  const count = readCount(reader, 5);
  const proposals: Proposal[] = [];
  for (let at = 0; at < count; at++) {
    proposals.push({ kind: readFlag(reader) ? "membership" : "command", data: reader.block() });
  }
  return proposals;
}

function writeResult<Value>(
  writer: ByteWriter,
  result: Value | Refusal,
  write: (writer: ByteWriter, value: Value) => void,
): void {
  const refused = isRefusal(result);
  writeFlag(writer, refused);
  if (refused) writeRefusal(writer, result);
  else write(writer, result);
}

function readResult<Value>(reader: ByteReader, read: (reader: ByteReader) => Value): Value | Refusal {
  return readFlag(reader) ? readRefusal(reader) : read(reader);
}

function isRefusal(result: unknown): result is Refusal {
  return typeof result === "object" && result !== null && "refused" in result;
}

function writeIndex(writer: ByteWriter, index: number): void {
  writer.u64(index);
}

function readIndex(reader: ByteReader): number {
  return reader.u64();
}
