import { latin1Bytes, latin1Text } from "../../base/bytes.ts";
import { pack, unpack } from "../../base/codec.ts";
import type { KeyVersion } from "../mvcc/key-history.ts";
import type { AuthTokenResult, KvResult, OperationResult, Refused, SessionOpenResult } from "./result.ts";

/** What can be remembered of a write: everything but a refusal, which changed nothing. */
export type Answer = Exclude<KvResult, Refused | SessionOpenResult | AuthTokenResult>;

/** The first element of an encoded answer. Numbers are never used for something else. */
const Code = {
  put: 1,
  delete: 2,
  range: 3,
  count: 4,
  txn: 5,
  leaseGrant: 6,
  leaseRevoke: 7,
  leaseKeepAlive: 8,
  done: 9,
} as const;

/** An answer as arrays in MessagePack: `[code, revision, ...fields]`. */
export function encodeAnswer(answer: Answer): Uint8Array {
  return pack(packAnswer(answer));
}

function packAnswer(answer: Answer | OperationResult): unknown[] {
  const { revision } = answer;
  switch (answer.kind) {
    case "put":
      return [Code.put, revision, answer.previous === null ? null : packVersion(answer.previous)];
    case "delete":
      return [Code.delete, revision, answer.deleted.map(packVersion)];
    case "range":
      return [Code.range, revision, answer.versions.map(packVersion), answer.more];
    case "count":
      return [Code.count, revision, answer.count];
    case "txn":
      return [Code.txn, revision, answer.succeeded, answer.results.map(packAnswer)];
    case "lease-grant":
      return [Code.leaseGrant, revision, latin1Bytes(answer.lease), answer.ttlMs];
    case "lease-revoke":
      return [Code.leaseRevoke, revision, answer.deleted.map(packVersion)];
    case "lease-keep-alive":
      return [Code.leaseKeepAlive, revision, answer.ttlsMs];
    case "done":
      return [Code.done, revision];
  }
}

function packVersion(version: KeyVersion): unknown[] {
  const { key, value, createRevision, modRevision, sub, lease } = version;
  const texts = [latin1Bytes(key), latin1Bytes(value), latin1Bytes(lease)];
  return [...texts, createRevision, modRevision, sub, version.version];
}

/** The answer in bytes that `encodeAnswer` gave. */
export function decodeAnswer(bytes: Uint8Array): Answer {
  return unpackAnswer(unpack(bytes) as Packed) as Answer;
}

type Packed = readonly [code: number, revision: number, ...fields: never[]];

function unpackAnswer([code, revision, first, second]: Packed): Answer | OperationResult {
  switch (code) {
    case Code.put:
      return { kind: "put", revision, previous: first === null ? null : unpackVersion(first!) };
    case Code.delete:
      return { kind: "delete", revision, deleted: unpackVersions(first!) };
    case Code.range:
      return { kind: "range", revision, versions: unpackVersions(first!), more: second! };
    case Code.count:
      return { kind: "count", revision, count: first! };
    case Code.txn: {
      const results = (second! as Packed[]).map((packed) => unpackAnswer(packed) as OperationResult);
      return { kind: "txn", revision, succeeded: first!, results };
    }
    case Code.leaseGrant:
      return { kind: "lease-grant", revision, lease: latin1Text(first!), ttlMs: second! };
    case Code.leaseRevoke:
      return { kind: "lease-revoke", revision, deleted: unpackVersions(first!) };
    case Code.leaseKeepAlive:
      return { kind: "lease-keep-alive", revision, ttlsMs: first! };
    default:
      return { kind: "done", revision };
  }
}

type PackedVersion = readonly [
  key: Uint8Array,
  value: Uint8Array,
  lease: Uint8Array,
  createRevision: number,
  modRevision: number,
  sub: number,
  version: number,
];

function unpackVersions(packed: readonly PackedVersion[]): KeyVersion[] {
  return packed.map(unpackVersion);
}

function unpackVersion(packed: PackedVersion): KeyVersion {
  const [key, value, lease, createRevision, modRevision, sub, version] = packed;
  const texts = { key: latin1Text(key), value: latin1Text(value), lease: latin1Text(lease) };
  return { ...texts, createRevision, modRevision, sub, version };
}
