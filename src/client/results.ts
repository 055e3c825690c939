import { QuorateError } from "../base/errors.ts";
import type { BackendOperationResult, BackendTxnResult, Deleted } from "../kv/kv-backend.ts";
import type { Operation, TxnCommand } from "../kv/machine/command.ts";
import type { KeyVersion } from "../kv/mvcc/key-history.ts";
import type { DeleteRangeResponse, KeyValue, ResponseOp, TxnResponse } from "../wire/kv-messages.ts";

/** A key as the server tells it. Its place within its revision is not told. */
export function versionOf(kv: KeyValue): KeyVersion {
  return { ...kv, sub: 0 };
}

export function maybeVersion(kv: KeyValue | null): KeyVersion | null {
  return kv === null ? null : versionOf(kv);
}

/** What a server tells of a deletion, which is more where it was asked for what was there. */
export function deletedIn({ deleted, prevKvs }: DeleteRangeResponse, prev: boolean): Deleted {
  if (!prev) return { length: deleted };
  if (prevKvs.length !== deleted) throw unreadable("a deletion does not tell all that it deleted");
  return prevKvs.map(versionOf);
}

/** What became of a transaction: its answers are in the order of the branch that ran. */
export function txnResult(command: TxnCommand, response: TxnResponse, prev: boolean): BackendTxnResult {
  const { succeeded, responses } = response;
  const revision = revisionIn(response);
  const operations = succeeded ? command.success : command.failure;
  if (responses.length !== operations.length)
    throw unreadable("a transaction's answers are not those of its operations");
  const results = operations.map((operation, at) => operationResult(operation, responses[at]!, prev));
  // Of a nested one etcd does not tell the revision: it is the one of all.
  const whole = results.map((result) => (result.kind === "txn" ? { ...result, revision } : result));
  return { kind: "txn", revision, succeeded, results: whole };
}

function operationResult(operation: Operation, response: ResponseOp, prev: boolean): BackendOperationResult {
  const { responsePut, responseDeleteRange, responseRange, responseTxn } = response;
  switch (operation.kind) {
    case "put":
      if (responsePut === null) break;
      return { kind: "put", revision: revisionIn(responsePut), previous: maybeVersion(responsePut.prevKv) };
    case "delete": {
      if (responseDeleteRange === null) break;
      const deleted = deletedIn(responseDeleteRange, prev);
      return { kind: "delete", revision: revisionIn(responseDeleteRange), deleted };
    }
    case "range": {
      if (responseRange === null) break;
      const versions = responseRange.kvs.map(versionOf);
      return { kind: "range", revision: revisionIn(responseRange), versions, more: responseRange.more };
    }
    case "count":
      if (responseRange === null) break;
      return { kind: "count", revision: revisionIn(responseRange), count: responseRange.count };
    case "txn":
      if (responseTxn === null) break;
      return txnResult(operation, responseTxn, prev);
  }
  throw unreadable(`an answer is not that of a ${operation.kind}`);
}

export function revisionIn({ header }: { readonly header: { readonly revision: number } | null }): number {
  return header?.revision ?? 0;
}

function unreadable(reason: string): QuorateError {
  const details = { peer: "the server", reason };
  return new QuorateError("ERR_PROTOCOL", `the server's answer makes no sense: ${reason}`, details, {
    outcome: "unknown",
  });
}
