import { latin1Bytes, latin1Text } from "../base/bytes.ts";
import { pack, unpack } from "../base/codec.ts";
import type {
  Command,
  Compare,
  CompareRelation,
  CompareTarget,
  LeaseCheckpoint,
  Operation,
} from "./command.ts";
import type { KeyRange } from "./key-range.ts";
import { TXN_DEPTH_MAX } from "./limits.ts";
import { type Selection, SORT_TARGETS } from "./selection.ts";

/** The first element of an encoded command. Numbers are never used for something else. */
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
} as const;

const TARGETS: readonly CompareTarget[] = ["value", "version", "createRevision", "modRevision", "lease"];
const RELATIONS: readonly CompareRelation[] = ["equal", "notEqual", "less", "greater"];

/** A command as arrays in MessagePack: `[code, ...fields]`. The same command always gives the same bytes. */
export function encodeCommand(command: Command): Uint8Array {
  return pack(packCommand(command));
}

function packCommand(command: Command | Operation): unknown[] {
  switch (command.kind) {
    case "put":
      return [Code.put, packText(command.key), packMaybe(command.value), packMaybe(command.lease)];
    case "delete":
      return [Code.delete, ...packRange(command.range)];
    case "range":
      return [
        ...[Code.range, ...packRange(command.range), command.revision, command.limit, command.reverse],
        ...packSelection(command.selection),
      ];
    case "count":
      return [Code.count, ...packRange(command.range), command.revision];
    case "txn":
      return [
        Code.txn,
        command.compares.map(packCompare),
        command.success.map(packCommand),
        command.failure.map(packCommand),
      ];
    case "lease-grant":
      return [Code.leaseGrant, packText(command.lease), command.ttlMs];
    case "lease-revoke":
      return [Code.leaseRevoke, packText(command.lease), command.renewedAt];
    case "lease-keep-alive":
      return [Code.leaseKeepAlive, ...command.leases.map(packText)];
    case "lease-checkpoint":
      return [
        Code.leaseCheckpoint,
        ...command.checkpoints.map((at) => [packText(at.lease), at.renewedAt, at.remainingMs]),
      ];
    case "compact":
      return [Code.compact, command.revision];
    case "alarm":
      return [Code.alarm, command.alarm, command.isRaised];
    case "session-open":
      return [Code.sessionOpen];
    case "session-write":
      return [Code.sessionWrite, command.session, command.number, command.write];
    case "session-end":
      return [Code.sessionEnd, command.session];
  }
}

function packRange(range: KeyRange): unknown[] {
  return [packText(range.from), packMaybe(range.to)];
}

/** Nothing in the usual case. */
function packSelection(selection: Selection | null): unknown[] {
  if (selection === null) return [];
  const { sortBy, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = selection;
  return [
    [SORT_TARGETS.indexOf(sortBy), minModRevision, maxModRevision, minCreateRevision, maxCreateRevision],
  ];
}

function packCompare({ range, target, relation, operand }: Compare): unknown[] {
  const packed = typeof operand === "string" ? packText(operand) : operand;
  return [...packRange(range), TARGETS.indexOf(target), RELATIONS.indexOf(relation), packed];
}

/**
 * Short ASCII travels as a MessagePack string, everything else as bytes: reading a string is several times as fast,
 * but above ASCII its bytes would be UTF-8 of our bytes.
 */
function packText(text: string): string | Uint8Array {
  return text.length <= STRING_LENGTH_MAX && isAscii(text) ? text : latin1Bytes(text);
}

function packMaybe(text: string | null): string | Uint8Array | null {
  return text === null ? null : packText(text);
}

const STRING_LENGTH_MAX = 1024;

const ASCII = /^[\0-\x7f]*$/;

function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** Thrown inside the decoder, never out of it. */
class UnknownShape extends Error {}

/** The command in `bytes`, or null when they are not exactly one that this release knows. Never throws. */
export function decodeCommand(bytes: Uint8Array): Command | null {
  try {
    return unpackCommand(array(unpack(bytes)));
  } catch {
    return null;
  }
}

function unpackCommand(fields: readonly unknown[]): Command {
  switch (fields[0]) {
    case Code.put:
    case Code.delete:
    case Code.txn:
      return unpackOperation(fields, TXN_DEPTH_MAX) as Command;
    case Code.leaseGrant:
      return { kind: "lease-grant", lease: text(exactly(fields, 3)[1]), ttlMs: whole(fields[2]) };
    case Code.leaseRevoke:
      return { kind: "lease-revoke", lease: text(exactly(fields, 3)[1]), renewedAt: maybe(fields[2], whole) };
    case Code.leaseKeepAlive:
      return { kind: "lease-keep-alive", leases: fields.slice(1).map(text) };
    case Code.leaseCheckpoint:
      return { kind: "lease-checkpoint", checkpoints: fields.slice(1).map(unpackCheckpoint) };
    case Code.compact:
      return { kind: "compact", revision: whole(exactly(fields, 2)[1]) };
    case Code.alarm:
      if (exactly(fields, 3)[1] !== "no-space") throw new UnknownShape();
      return { kind: "alarm", alarm: "no-space", isRaised: boolean(fields[2]) };
    case Code.sessionOpen:
      exactly(fields, 1);
      return { kind: "session-open" };
    case Code.sessionWrite: {
      const [, session, number, write] = exactly(fields, 4);
      return { kind: "session-write", session: text(session), number: whole(number), write: bytes(write) };
    }
    case Code.sessionEnd:
      return { kind: "session-end", session: text(exactly(fields, 2)[1]) };
    default:
      throw new UnknownShape();
  }
}

function unpackOperation(fields: readonly unknown[], depthLeft: number): Operation {
  switch (fields[0]) {
    case Code.put:
      exactly(fields, 4);
      return {
        kind: "put",
        key: text(fields[1]),
        value: maybe(fields[2], text),
        lease: maybe(fields[3], text),
      };
    case Code.delete:
      exactly(fields, 3);
      return { kind: "delete", range: unpackRange(fields, 1) };
    case Code.range:
      if (fields.length !== 6) exactly(fields, 7);
      return {
        kind: "range",
        range: unpackRange(fields, 1),
        revision: maybe(fields[3], whole),
        limit: whole(fields[4]),
        reverse: boolean(fields[5]),
        selection: fields.length === 6 ? null : unpackSelection(fields[6]),
      };
    case Code.count:
      exactly(fields, 4);
      return { kind: "count", range: unpackRange(fields, 1), revision: maybe(fields[3], whole) };
    case Code.txn:
      return unpackTxn(exactly(fields, 4), depthLeft);
    default:
      throw new UnknownShape();
  }
}

function unpackTxn(fields: readonly unknown[], depthLeft: number): Operation {
  if (depthLeft === 0) throw new UnknownShape();
  const operations = (field: unknown): Operation[] =>
    array(field).map((operation) => unpackOperation(array(operation), depthLeft - 1));
  return {
    kind: "txn",
    compares: array(fields[1]).map(unpackCompare),
    success: operations(fields[2]),
    failure: operations(fields[3]),
  };
}

function unpackRange(fields: readonly unknown[], at: number): KeyRange {
  return { from: text(fields[at]), to: maybe(fields[at + 1], text) };
}

function unpackSelection(packed: unknown): Selection {
  const fields = exactly(array(packed), 5).map(whole) as [number, number, number, number, number];
  const [target, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision] = fields;
  const sortBy = SORT_TARGETS[target];
  if (sortBy === undefined) throw new UnknownShape();
  return { sortBy, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision };
}

function unpackCompare(packed: unknown): Compare {
  const fields = exactly(array(packed), 5);
  const target = TARGETS[whole(fields[2])];
  const relation = RELATIONS[whole(fields[3])];
  if (target === undefined || relation === undefined) throw new UnknownShape();
  const isText = target === "value" || target === "lease";
  const operand = isText ? text(fields[4]) : whole(fields[4]);
  return { range: unpackRange(fields, 0), target, relation, operand };
}

function unpackCheckpoint(packed: unknown): LeaseCheckpoint {
  const fields = exactly(array(packed), 3);
  return { lease: text(fields[0]), renewedAt: whole(fields[1]), remainingMs: whole(fields[2]) };
}

function array(field: unknown): readonly unknown[] {
  if (!Array.isArray(field)) throw new UnknownShape();
  return field;
}

function exactly(fields: readonly unknown[], length: number): readonly unknown[] {
  if (fields.length !== length) throw new UnknownShape();
  return fields;
}

function text(field: unknown): string {
  if (typeof field === "string" && isAscii(field)) return field;
  if (field instanceof Uint8Array) return latin1Text(field);
  throw new UnknownShape();
}

function bytes(field: unknown): Uint8Array {
  if (!(field instanceof Uint8Array)) throw new UnknownShape();
  return field;
}

function whole(field: unknown): number {
  if (typeof field !== "number" || !Number.isSafeInteger(field) || field < 0) throw new UnknownShape();
  return field;
}

function boolean(field: unknown): boolean {
  if (typeof field !== "boolean") throw new UnknownShape();
  return field;
}

function maybe<Value>(field: unknown, read: (field: unknown) => Value): Value | null {
  return field === null ? null : read(field);
}
