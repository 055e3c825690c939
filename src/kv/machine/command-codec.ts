import { ByteReader, ByteWriter } from "../../base/bytes.ts";
import { type AuthInfo, NOBODY } from "../auth/auth.ts";
import { decodeAuthChange, encodeAuthChange } from "../auth/auth-codec.ts";
import { ALARM_KINDS } from "./alarms.ts";
import type { AlarmCommand, AsCommand, Command, LeaseCheckpoint } from "./command.ts";
import {
  readBoolean,
  readList,
  readMaybe,
  readNumber,
  readText,
  UnknownShape,
  writeBoolean,
  writeList,
  writeMaybe,
  writeNumber,
  writeText,
} from "./command-fields.ts";
import { OperationCode, readOperation, readRange, writeOperation, writeRange } from "./operation-codec.ts";

/** The first byte of an encoded command. Numbers are never used for something else. */
const Code = {
  ...OperationCode,
  leaseGrant: 6,
  leaseRevoke: 7,
  leaseKeepAlive: 8,
  leaseCheckpoint: 9,
  compact: 10,
  alarm: 11,
  sessionOpen: 12,
  sessionWrite: 13,
  sessionEnd: 14,
  auth: 15,
  authToken: 16,
  as: 17,
} as const;

/** Commands are written one behind the other; those that still wait keep the memory that they lie in. */
const SLAB_BYTES = 64 * 1024;

let slab = new ByteWriter(SLAB_BYTES);

/**
 * A command in bytes: its code, then its fields in the order of their types in `command.ts`. Texts and lists are led by
 * their lengths, what may be null by a byte that says whether it is there. The same command always gives the same bytes.
 */
export function encodeCommand(command: Command): Uint8Array {
  if (slab.length > SLAB_BYTES / 2) slab = new ByteWriter(SLAB_BYTES);
  const from = slab.length;
  writeCommand(slab, command);
  return slab.written(from);
}

function writeCommand(writer: ByteWriter, command: Command): void {
  switch (command.kind) {
    case "put":
    case "delete":
    case "txn":
      writeOperation(writer, command);
      break;
    case "lease-grant":
      writer.u8(Code.leaseGrant);
      writer.latin1(command.lease);
      writer.u64(command.ttlMs);
      break;
    case "lease-revoke":
      writer.u8(Code.leaseRevoke);
      writer.latin1(command.lease);
      writeMaybe(writer, command.renewedAt, writeNumber);
      break;
    case "lease-keep-alive":
      writer.u8(Code.leaseKeepAlive);
      writeList(writer, command.leases, writeText);
      break;
    case "lease-checkpoint":
      writer.u8(Code.leaseCheckpoint);
      writeList(writer, command.checkpoints, writeCheckpoint);
      break;
    case "compact":
      writer.u8(Code.compact);
      writer.u64(command.revision);
      break;
    case "alarm":
      writer.u8(Code.alarm);
      writeBoolean(writer, command.isRaised);
      writer.u8(ALARM_KINDS.indexOf(command.alarm));
      writeMaybe(writer, command.member, writeNumber);
      break;
    case "session-open":
      writer.u8(Code.sessionOpen);
      break;
    case "session-write":
      writer.u8(Code.sessionWrite);
      writer.latin1(command.session);
      writer.u64(command.number);
      writer.block(command.write);
      break;
    case "session-end":
      writer.u8(Code.sessionEnd);
      writer.latin1(command.session);
      break;
    case "auth":
      writer.u8(Code.auth);
      writer.block(encodeAuthChange(command.change));
      break;
    case "auth-token":
      writer.u8(Code.authToken);
      writer.text(command.user);
      writer.text(command.digest);
      writer.u64(command.authRevision);
      break;
    case "as":
      writer.u8(Code.as);
      writeMaybe(writer, command.caller.user === "" ? null : command.caller, writeCaller);
      writeList(writer, command.shown, writeRange);
      writeCommand(writer, command.command);
      break;
  }
}

/** Somebody without a name leaves nothing to write: most callers, where users and roles do not count. */
function writeCaller(writer: ByteWriter, { user, authRevision }: AuthInfo): void {
  writer.text(user);
  writer.u64(authRevision);
}

function writeCheckpoint(writer: ByteWriter, { lease, renewedAt, remainingMs }: LeaseCheckpoint): void {
  writer.latin1(lease);
  writer.u64(renewedAt);
  writer.u64(remainingMs);
}

/** The command in `bytes`, or null when they are not exactly one that this release knows. Never throws. */
export function decodeCommand(bytes: Uint8Array): Command | null {
  try {
    const reader = new ByteReader(bytes);
    const command = readCommand(reader);
    reader.end();
    return command;
  } catch {
    return null;
  }
}

/** Commands that carry another do not carry each other. */
function readCommand(reader: ByteReader, isOuter = true): Command {
  const code = reader.u8();
  if (!isOuter && (code === Code.as || code === Code.sessionWrite)) throw new UnknownShape();
  switch (code) {
    case Code.put:
    case Code.delete:
    case Code.txn:
      return readOperation(reader, code) as Command;
    case Code.leaseGrant:
      return { kind: "lease-grant", lease: reader.latin1(), ttlMs: reader.u64() };
    case Code.leaseRevoke:
      return { kind: "lease-revoke", lease: reader.latin1(), renewedAt: readMaybe(reader, readNumber) };
    case Code.leaseKeepAlive:
      return { kind: "lease-keep-alive", leases: readList(reader, readText) };
    case Code.leaseCheckpoint:
      return { kind: "lease-checkpoint", checkpoints: readList(reader, readCheckpoint) };
    case Code.compact:
      return { kind: "compact", revision: reader.u64() };
    case Code.alarm:
      return readAlarm(reader);
    case Code.sessionOpen:
      return { kind: "session-open" };
    case Code.sessionWrite:
      return {
        kind: "session-write",
        session: reader.latin1(),
        number: reader.u64(),
        write: reader.block(),
      };
    case Code.sessionEnd:
      return { kind: "session-end", session: reader.latin1() };
    case Code.auth:
      return { kind: "auth", change: decodeAuthChange(reader.block()) };
    case Code.authToken:
      return {
        kind: "auth-token",
        user: reader.text(),
        digest: reader.text(),
        authRevision: reader.u64(),
      };
    case Code.as:
      return readAsCommand(reader);
    default:
      throw new UnknownShape();
  }
}

function readAlarm(reader: ByteReader): AlarmCommand {
  const isRaised = readBoolean(reader);
  const alarm = ALARM_KINDS[reader.u8()];
  if (alarm === undefined) throw new UnknownShape();
  return { kind: "alarm", alarm, member: readMaybe(reader, readNumber), isRaised };
}

function readAsCommand(reader: ByteReader): AsCommand {
  const caller = readMaybe(reader, readCaller) ?? NOBODY;
  const shown = readList(reader, readRange);
  const command = readCommand(reader, false);
  return { kind: "as", caller, shown, command: command as AsCommand["command"] };
}

function readCaller(reader: ByteReader): AuthInfo {
  return { user: reader.text(), authRevision: reader.u64() };
}

function readCheckpoint(reader: ByteReader): LeaseCheckpoint {
  return { lease: reader.latin1(), renewedAt: reader.u64(), remainingMs: reader.u64() };
}
