import { QuorateError } from "../base/errors.ts";
import type { KeyValue, ResponseOp, TxnResponse } from "../etcd/wire/kv-messages.ts";
import type { Operation, TxnCommand } from "../kv/command.ts";
import type { KeyVersion } from "../kv/key-history.ts";
import type { BackendOperationResult, BackendTxnResult } from "../kv/kv-backend.ts";

/** A key as the server tells it. Its place within its revision is not told. */
export function versionOf(kv: KeyValue): KeyVersion {
  return { ...kv, sub: 0 };
}

export function maybeVersion(kv: KeyValue | null): KeyVersion | null {
  return kv === null ? null : versionOf(kv);
}

/** What became of a transaction: its answers are in the order of the branch that ran. */
export function txnResult(command: TxnCommand, response: TxnResponse): BackendTxnResult {
  const { succeeded, responses, header } = response;
  const operations = succeeded ? command.success : command.failure;
  if (responses.length !== operations.length)
    throw unreadable("a transaction's answers are not those of its operations");
  const results = operations.map((operation, at) => operationResult(operation, responses[at]!));
  return { kind: "txn", revision: header?.revision ?? 0, succeeded, results };
}

function operationResult(operation: Operation, response: ResponseOp): BackendOperationResult {
  const { responsePut, responseDeleteRange, responseRange, responseTxn } = response;
  switch (operation.kind) {
    case "put":
      if (responsePut === null) break;
      return { kind: "put", revision: revisionIn(responsePut), previous: maybeVersion(responsePut.prevKv) };
    case "delete": {
      if (responseDeleteRange === null) break;
      const deleted = { length: responseDeleteRange.deleted };
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
      return txnResult(operation, responseTxn);
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
