import { ByteReader, type ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import type { Index, MemberId } from "../../log/entry.ts";
import type { Message, SnapshotMessage } from "../../raft/message.ts";
import { encodeWith, readMessage, writeMessage } from "./message-codec.ts";
import { readCount, readFlag, writeFlag } from "./wire-fields.ts";

/** Announces a snapshot: what the core is to be told once all of it has arrived, and how long it is. */
export interface SnapshotBegin {
  readonly kind: "snapshot-begin";
  /** The sender's number of the transfer. It grows, also over restarts, so that the newest is known. */
  readonly transfer: number;
  /** See `MessageFrame`. */
  readonly agreement: number;
  /** Length of all chunks together, in bytes. */
  readonly size: number;
  readonly message: SnapshotMessage;
  /** Opaque here: what the replica keeps beside the state. */
  readonly context: Uint8Array;
}

export interface SnapshotChunk {
  readonly kind: "snapshot-chunk";
  readonly transfer: number;
  /** Where in the snapshot its bytes belong. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Receiver to sender: everything below `received` is here. */
export interface SnapshotAck {
  readonly kind: "snapshot-ack";
  readonly transfer: number;
  readonly received: number;
  /** Set when the snapshot is whole and kept: the transfer is over. */
  readonly isComplete: boolean;
}

/** Sender to receiver: nothing more comes. */
export interface SnapshotAbort {
  readonly kind: "snapshot-abort";
  readonly transfer: number;
}

/** Receiver to sender: I do not take it, or cannot keep it. */
export interface SnapshotRefuse {
  readonly kind: "snapshot-refuse";
  readonly transfer: number;
}

/** A message of the core, and which store speaks: a member whose disk was replaced is not the one that voted. */
export interface MessageFrame {
  readonly kind: "message";
  /** A short form of the sender's settings that all members must have alike. */
  readonly agreement: number;
  /** See `storeTag`. */
  readonly store: number;
  readonly message: Message;
}

/** I hear a store under your name that is not the one I know: your disk has forgotten what you promised. */
export interface StoreRefuse {
  readonly kind: "store-refuse";
  /** The store that was heard. */
  readonly store: number;
}

/** Who takes part as of an index that the sender has applied, for those that have applied less. */
export interface MembersFrame {
  readonly kind: "members";
  /** See `MessageFrame`. */
  readonly agreement: number;
  /** The member that speaks, and its store. */
  readonly from: MemberId;
  readonly store: number;
  readonly index: Index;
  /** Opaque here: names, ids and addresses. */
  readonly members: Uint8Array;
}

/** A setting by the name of its option, and its value as text. */
export type Setting = readonly [option: string, value: string];

/** I do not take your frames, since your settings are not mine. Mine are these. */
export interface SettingsFrame {
  readonly kind: "settings";
  readonly settings: readonly Setting[];
}

/** Settings in one frame. */
export const SETTINGS_MAX = 64;
/** Characters in the name or the value of a setting. */
export const SETTING_LENGTH_MAX = 256;

/** What travels between members: a message of the core, a part of a snapshot on its way, or news of who takes part. */
export type PeerFrame =
  | MessageFrame
  | StoreRefuse
  | MembersFrame
  | SettingsFrame
  | SnapshotBegin
  | SnapshotChunk
  | SnapshotAck
  | SnapshotAbort
  | SnapshotRefuse;

const CODES: Record<PeerFrame["kind"], number> = {
  message: 1,
  "snapshot-begin": 2,
  "snapshot-chunk": 3,
  "snapshot-ack": 4,
  "snapshot-abort": 5,
  "snapshot-refuse": 6,
  "store-refuse": 7,
  members: 8,
  settings: 9,
};

const KINDS = new Map(Object.entries(CODES).map(([kind, code]) => [code, kind as PeerFrame["kind"]]));

/** A frame as bytes of its own, for `Transport.send`. The first byte tells its kind. */
export function encodePeerFrame(frame: PeerFrame): Uint8Array {
  return encodeWith((writer) => writePeerFrame(writer, frame));
}

/** Throws MalformedBytes, and nothing else, on bytes that are no frame. What it holds of bytes are views of `bytes`. */
export function decodePeerFrame(bytes: Uint8Array): PeerFrame {
  const reader = new ByteReader(bytes);
  const kind = KINDS.get(reader.u8());
  if (kind === undefined) throw new MalformedBytes("unknown kind of frame");
  const frame = readPeerFrame(reader, kind);
  reader.end();
  return frame;
}

function writePeerFrame(writer: ByteWriter, frame: PeerFrame): void {
  writer.u8(CODES[frame.kind]);
  if (frame.kind === "message" || frame.kind === "store-refuse" || frame.kind === "members") {
    writer.u64(frame.store);
    if (frame.kind !== "store-refuse") writer.u32(frame.agreement);
    if (frame.kind === "message") writeMessage(writer, frame.message);
    if (frame.kind === "members") writeMembers(writer, frame);
    return;
  }
  if (frame.kind === "settings") {
    writeSettings(writer, frame);
    return;
  }
  writer.u64(frame.transfer);
  switch (frame.kind) {
    case "snapshot-begin":
      writer.u32(frame.agreement);
      writer.u64(frame.size);
      writeMessage(writer, frame.message);
      writer.block(frame.context);
      break;
    case "snapshot-chunk":
      writer.u64(frame.offset);
      writer.bytes(frame.bytes);
      break;
    case "snapshot-ack":
      writer.u64(frame.received);
      writeFlag(writer, frame.isComplete);
      break;
    case "snapshot-abort":
    case "snapshot-refuse":
      break;
  }
}

function writeMembers(writer: ByteWriter, { from, index, members }: MembersFrame): void {
  writer.u64(from);
  writer.u64(index);
  writer.block(members);
}

function writeSettings(writer: ByteWriter, { settings }: SettingsFrame): void {
  writer.u32(settings.length);
  for (const setting of settings) for (const text of setting) writer.text(text);
}

function readPeerFrame(reader: ByteReader, kind: PeerFrame["kind"]): PeerFrame {
  if (kind === "message")
    return { kind, store: reader.u64(), agreement: reader.u32(), message: readMessage(reader) };
  if (kind === "store-refuse") return { kind, store: reader.u64() };
  if (kind === "members") return readMembers(reader);
  if (kind === "settings") return readSettings(reader);
  const transfer = reader.u64();
  switch (kind) {
    case "snapshot-begin":
      return {
        kind,
        transfer,
        agreement: reader.u32(),
        size: reader.u64(),
        message: readSnapshotMessage(reader),
        context: reader.block(),
      };
    case "snapshot-chunk":
      return { kind, transfer, offset: reader.u64(), bytes: reader.bytes(reader.remaining) };
    case "snapshot-ack":
      return { kind, transfer, received: reader.u64(), isComplete: readFlag(reader) };
    case "snapshot-abort":
    case "snapshot-refuse":
      return { kind, transfer };
  }
}

function readMembers(reader: ByteReader): MembersFrame {
  const store = reader.u64();
  const agreement = reader.u32();
  const from = reader.u64();
  return { kind: "members", from, store, agreement, index: reader.u64(), members: reader.block() };
}

function readSettings(reader: ByteReader): SettingsFrame {
  const count = readCount(reader, 2 * 4);
  if (count > SETTINGS_MAX) throw new MalformedBytes("too many settings");
  return {
    kind: "settings",
    settings: Array.from({ length: count }, () => [readWord(reader), readWord(reader)]),
  };
}

function readWord(reader: ByteReader): string {
  const text = reader.text();
  if (text.length > SETTING_LENGTH_MAX) throw new MalformedBytes("too long a setting");
  return text;
}

function readSnapshotMessage(reader: ByteReader): SnapshotMessage {
  const message = readMessage(reader);
  if (message.kind !== "snapshot") throw new MalformedBytes("a snapshot begins with its message");
  return message;
}
