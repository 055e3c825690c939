import { assert } from "../../base/assert.ts";
import type {
  CountResult,
  DeleteResult,
  OperationResult,
  PutResult,
  TxnResult,
} from "../../kv/machine/result.ts";
import { ResponseHeader } from "../../wire/header.ts";
import {
  type DeleteRangeRequest,
  type DeleteRangeResponse,
  type PutRequest,
  type PutResponse,
  type RangeRequest,
  type RangeResponse,
  type RequestOp,
  ResponseOp,
  type TxnRequest,
  type TxnResponse,
} from "../../wire/kv-messages.ts";
import { isCounted, keyValues, rangeOperation } from "./range-request.ts";

export function putResponse(
  { prevKv }: PutRequest,
  { previous }: PutResult,
  header: ResponseHeader,
): PutResponse {
  return { header, prevKv: prevKv ? previous : null };
}

export function deleteResponse(
  { prevKv }: DeleteRangeRequest,
  { deleted }: DeleteResult,
  header: ResponseHeader,
): DeleteRangeResponse {
  return { header, deleted: deleted.length, prevKvs: prevKv ? deleted : [] };
}

export function txnResponse(txn: TxnRequest, result: TxnResult, header: ResponseHeader | null): TxnResponse {
  const { succeeded, results } = result;
  const rest = results[Symbol.iterator]();
  const next = (): OperationResult => {
    const { value } = rest.next();
    assert(value !== undefined, "each operation has its result");
    return value;
  };
  const operations = succeeded ? txn.success : txn.failure;
  return { header, succeeded, responses: operations.map((operation) => responseOp(operation, next)) };
}

/** Answers within a transaction tell the revision of their own moment, and nothing else in their header. */
function responseOp(operation: RequestOp, next: () => OperationResult): ResponseOp {
  const { requestRange, requestPut, requestDeleteRange, requestTxn } = operation;
  if (requestRange !== null) return ResponseOp.of({ responseRange: rangeResponse(requestRange, next) });
  const result = next();
  const header = ResponseHeader.of({ revision: result.revision });
  if (requestPut !== null)
    return ResponseOp.of({ responsePut: putResponse(requestPut, result as PutResult, header) });
  if (requestDeleteRange !== null) {
    const responseDeleteRange = deleteResponse(requestDeleteRange, result as DeleteResult, header);
    return ResponseOp.of({ responseDeleteRange });
  }
  return ResponseOp.of({ responseTxn: txnResponse(requestTxn!, result as TxnResult, ResponseHeader.of({})) });
}

function rangeResponse(request: RangeRequest, next: () => OperationResult): RangeResponse {
  const found = next();
  const header = ResponseHeader.of({ revision: found.revision });
  if (found.kind === "count") return { header, kvs: [], more: false, count: found.count };
  assert(found.kind === "range", "a range is answered by a range");
  const { versions, more } = found;
  const isTold = isCounted(request, rangeOperation(request).selection);
  const count = isTold ? versions.length : (next() as CountResult).count;
  return { header, kvs: keyValues(request, versions), more, count };
}
