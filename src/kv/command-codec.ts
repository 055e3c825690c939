import { ByteReader, ByteWriter } from "../base/bytes.ts";
import { decodeAuthChange, encodeAuthChange } from "./auth/auth-codec.ts";
import type {
  AsCommand,
  Command,
  Compare,
  CompareRelation,
  CompareTarget,
  LeaseCheckpoint,
  Operation,
  TxnCommand,
} from "./command.ts";
import type { KeyRange } from "./key-range.ts";
import { TXN_DEPTH_MAX } from "./limits.ts";
import { type Selection, SORT_TARGETS } from "./selection.ts";

/** The first byte of an encoded command or operation. Numbers are never used for something else. */
const Code = {
  put: 1,
  delete: 2,
  txn: 3,
  range: 4,
  count: 5,
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

const TARGETS: readonly CompareTarget[] = ["value", "version", "createRevision", "modRevision", "lease"];
const RELATIONS: readonly CompareRelation[] = ["equal", "notEqual", "less", "greater"];

const writer = new ByteWriter();

/**
 * A command in bytes: its code, then its fields in the order of their types in `command.ts`. Texts and lists are led by
 * their lengths, what may be null by a byte that says whether it is there. The same command always gives the same bytes.
 */
export function encodeCommand(command: Command): Uint8Array {
  writer.reset();
  writeCommand(command);
  return writer.take();
}

function writeCommand(command: Command): void {
  switch (command.kind) {
    case "put":
    case "delete":
    case "txn":
      writeOperation(command);
      break;
    case "lease-grant":
      writer.u8(Code.leaseGrant);
      writer.latin1(command.lease);
      writer.u64(command.ttlMs);
      break;
    case "lease-revoke":
      writer.u8(Code.leaseRevoke);
      writer.latin1(command.lease);
      writeMaybe(command.renewedAt, writeNumber);
      break;
    case "lease-keep-alive":
      writer.u8(Code.leaseKeepAlive);
      writeList(command.leases, writeText);
      break;
    case "lease-checkpoint":
      writer.u8(Code.leaseCheckpoint);
      writeList(command.checkpoints, writeCheckpoint);
      break;
    case "compact":
      writer.u8(Code.compact);
      writer.u64(command.revision);
      break;
    case "alarm":
      writer.u8(Code.alarm);
      writeBoolean(command.isRaised);
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
      writer.text(command.caller.user);
      writer.u64(command.caller.authRevision);
      writeList(command.shown, writeRange);
      writeCommand(command.command);
      break;
  }
}

function writeOperation(operation: Operation): void {
  switch (operation.kind) {
    case "put":
      writer.u8(Code.put);
      writer.latin1(operation.key);
      writeMaybe(operation.value, writeText);
      writeMaybe(operation.lease, writeText);
      break;
    case "delete":
      writer.u8(Code.delete);
      writeRange(operation.range);
      break;
    case "range":
      writer.u8(Code.range);
      writeRange(operation.range);
      writeMaybe(operation.revision, writeNumber);
      writer.u64(operation.limit);
      writeBoolean(operation.reverse);
      writeMaybe(operation.selection, writeSelection);
      break;
    case "count":
      writer.u8(Code.count);
      writeRange(operation.range);
      writeMaybe(operation.revision, writeNumber);
      break;
    case "txn":
      writer.u8(Code.txn);
      writeList(operation.compares, writeCompare);
      writeList(operation.success, writeOperation);
      writeList(operation.failure, writeOperation);
      break;
  }
}

function writeRange({ from, to }: KeyRange): void {
  writer.latin1(from);
  writeMaybe(to, writeText);
}

function writeSelection(selection: Selection): void {
  writer.u8(SORT_TARGETS.indexOf(selection.sortBy));
  writer.u64(selection.minModRevision);
  writer.u64(selection.maxModRevision);
  writer.u64(selection.minCreateRevision);
  writer.u64(selection.maxCreateRevision);
}

function writeCompare({ range, target, relation, operand }: Compare): void {
  writeRange(range);
  writer.u8(TARGETS.indexOf(target));
  writer.u8(RELATIONS.indexOf(relation));
  if (typeof operand === "string") writer.latin1(operand);
  else writer.u64(operand);
}

function writeCheckpoint({ lease, renewedAt, remainingMs }: LeaseCheckpoint): void {
  writer.latin1(lease);
  writer.u64(renewedAt);
  writer.u64(remainingMs);
}

function writeText(text: string): void {
  writer.latin1(text);
}

function writeNumber(number: number): void {
  writer.u64(number);
}

function writeBoolean(claim: boolean): void {
  writer.u8(claim ? 1 : 0);
}

function writeMaybe<Value>(value: Value | null, write: (value: Value) => void): void {
  writer.u8(value === null ? 0 : 1);
  if (value !== null) write(value);
}

function writeList<Value>(values: readonly Value[], write: (value: Value) => void): void {
  writer.u32(values.length);
  for (const value of values) write(value);
}

/** Thrown inside the decoder, never out of it. */
class UnknownShape extends Error {}

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
      return readOperation(reader, code, TXN_DEPTH_MAX) as Command;
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
      return { kind: "alarm", alarm: "no-space", isRaised: readBoolean(reader) };
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

function readAsCommand(reader: ByteReader): AsCommand {
  const caller = { user: reader.text(), authRevision: reader.u64() };
  const shown = readList(reader, readRange);
  const command = readCommand(reader, false);
  return { kind: "as", caller, shown, command: command as AsCommand["command"] };
}

function readOperation(reader: ByteReader, code: number, depthLeft: number): Operation {
  switch (code) {
    case Code.put:
      return {
        kind: "put",
        key: reader.latin1(),
        value: readMaybe(reader, readText),
        lease: readMaybe(reader, readText),
      };
    case Code.delete:
      return { kind: "delete", range: readRange(reader) };
    case Code.range:
      return {
        kind: "range",
        range: readRange(reader),
        revision: readMaybe(reader, readNumber),
        limit: reader.u64(),
        reverse: readBoolean(reader),
        selection: readMaybe(reader, readSelection),
      };
    case Code.count:
      return { kind: "count", range: readRange(reader), revision: readMaybe(reader, readNumber) };
    case Code.txn:
      return readTxn(reader, depthLeft);
    default:
      throw new UnknownShape();
  }
}

function readTxn(reader: ByteReader, depthLeft: number): TxnCommand {
  if (depthLeft === 0) throw new UnknownShape();
  const readNested = (): Operation => readOperation(reader, reader.u8(), depthLeft - 1);
  return {
    kind: "txn",
    compares: readList(reader, readCompare),
    success: readList(reader, readNested),
    failure: readList(reader, readNested),
  };
}

function readRange(reader: ByteReader): KeyRange {
  return { from: reader.latin1(), to: readMaybe(reader, readText) };
}

function readSelection(reader: ByteReader): Selection {
  return {
    sortBy: readOneOf(reader, SORT_TARGETS),
    minModRevision: reader.u64(),
    maxModRevision: reader.u64(),
    minCreateRevision: reader.u64(),
    maxCreateRevision: reader.u64(),
  };
}

function readCompare(reader: ByteReader): Compare {
  const range = readRange(reader);
  const target = readOneOf(reader, TARGETS);
  const relation = readOneOf(reader, RELATIONS);
  const isText = target === "value" || target === "lease";
  return { range, target, relation, operand: isText ? reader.latin1() : reader.u64() };
}

function readCheckpoint(reader: ByteReader): LeaseCheckpoint {
  return { lease: reader.latin1(), renewedAt: reader.u64(), remainingMs: reader.u64() };
}

function readText(reader: ByteReader): string {
  return reader.latin1();
}

function readNumber(reader: ByteReader): number {
  return reader.u64();
}

function readBoolean(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw new UnknownShape();
  return byte === 1;
}

function readOneOf<Value>(reader: ByteReader, values: readonly Value[]): Value {
  const value = values[reader.u8()];
  if (value === undefined) throw new UnknownShape();
  return value;
}

function readMaybe<Value>(reader: ByteReader, read: (reader: ByteReader) => Value): Value | null {
  return readBoolean(reader) ? read(reader) : null;
}

/** The length is not believed: a list that is not there ends the reading, and costs nothing. */
function readList<Value>(reader: ByteReader, read: (reader: ByteReader) => Value): Value[] {
  const values: Value[] = [];
  for (let left = reader.u32(); left > 0; left--) values.push(read(reader));
  return values;
}
