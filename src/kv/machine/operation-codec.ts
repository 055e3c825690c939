import type { ByteReader, ByteWriter } from "../../base/bytes.ts";
import type { KeyRange } from "../mvcc/key-range.ts";
import { type Selection, SORT_TARGETS } from "../mvcc/selection.ts";
import type { Compare, CompareRelation, CompareTarget, Operation, TxnCommand } from "./command.ts";
import {
  readBoolean,
  readList,
  readMaybe,
  readNumber,
  readOneOf,
  readText,
  UnknownShape,
  writeBoolean,
  writeList,
  writeMaybe,
  writeNumber,
  writeOneOf,
  writeText,
} from "./command-fields.ts";
import { TXN_DEPTH_MAX } from "./limits.ts";

/** The first byte of an operation. Commands go on behind these; numbers are never used for something else. */
export const OperationCode = { put: 1, delete: 2, txn: 3, range: 4, count: 5 } as const;

const TARGETS: readonly CompareTarget[] = ["value", "version", "createRevision", "modRevision", "lease"];
const RELATIONS: readonly CompareRelation[] = ["equal", "notEqual", "less", "greater"];

/** What a transaction does, or what is a command by itself. */
export function writeOperation(writer: ByteWriter, operation: Operation): void {
  switch (operation.kind) {
    case "put":
      writer.u8(OperationCode.put);
      writer.latin1(operation.key);
      writeMaybe(writer, operation.value, writeText);
      writeMaybe(writer, operation.lease, writeText);
      break;
    case "delete":
      writer.u8(OperationCode.delete);
      writeRange(writer, operation.range);
      break;
    case "range":
      writer.u8(OperationCode.range);
      writeRange(writer, operation.range);
      writeMaybe(writer, operation.revision, writeNumber);
      writer.u64(operation.limit);
      writeBoolean(writer, operation.reverse);
      writeMaybe(writer, operation.selection, writeSelection);
      break;
    case "count":
      writer.u8(OperationCode.count);
      writeRange(writer, operation.range);
      writeMaybe(writer, operation.revision, writeNumber);
      break;
    case "txn":
      writer.u8(OperationCode.txn);
      writeList(writer, operation.compares, writeCompare);
      writeList(writer, operation.success, writeOperation);
      writeList(writer, operation.failure, writeOperation);
      break;
  }
}

export function writeRange(writer: ByteWriter, { from, to }: KeyRange): void {
  writer.latin1(from);
  writeMaybe(writer, to, writeText);
}

function writeSelection(writer: ByteWriter, selection: Selection): void {
  writeOneOf(writer, SORT_TARGETS, selection.sortBy);
  writer.u64(selection.minModRevision);
  writer.u64(selection.maxModRevision);
  writer.u64(selection.minCreateRevision);
  writer.u64(selection.maxCreateRevision);
}

function writeCompare(writer: ByteWriter, { range, target, relation, operand }: Compare): void {
  writeRange(writer, range);
  writeOneOf(writer, TARGETS, target);
  writeOneOf(writer, RELATIONS, relation);
  if (typeof operand === "string") writer.latin1(operand);
  else writer.u64(operand);
}

/** Reads behind the code. Throws for what this release does not know, and what is nested too deep. */
export function readOperation(
  reader: ByteReader,
  code: number,
  depthLeft: number = TXN_DEPTH_MAX,
): Operation {
  switch (code) {
    case OperationCode.put:
      return {
        kind: "put",
        key: reader.latin1(),
        value: readMaybe(reader, readText),
        lease: readMaybe(reader, readText),
      };
    case OperationCode.delete:
      return { kind: "delete", range: readRange(reader) };
    case OperationCode.range:
      return {
        kind: "range",
        range: readRange(reader),
        revision: readMaybe(reader, readNumber),
        limit: reader.u64(),
        reverse: readBoolean(reader),
        selection: readMaybe(reader, readSelection),
      };
    case OperationCode.count:
      return { kind: "count", range: readRange(reader), revision: readMaybe(reader, readNumber) };
    case OperationCode.txn:
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

export function readRange(reader: ByteReader): KeyRange {
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
