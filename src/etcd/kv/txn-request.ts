import type { Operation, TxnCommand } from "../../kv/machine/command.ts";
import { findDoubleWrite } from "../../kv/machine/double-writes.ts";
import { TXN_DEPTH_MAX } from "../../kv/machine/limits.ts";
import type { RangeRequest, RequestOp, TxnRequest } from "../../wire/kv-messages.ts";
import { refusal } from "../../wire/status.ts";
import { compareOf } from "./compare.ts";
import { checkRange, countOperation, isCounted, rangeOperation } from "./range-request.ts";
import { deleteCommand, putCommand } from "./write-requests.ts";

/** Checks a transaction as etcd does, in its order, and gives the store's command. Throws the refusal. */
export function txnCommand(txn: TxnRequest, operationsMax: number): TxnCommand {
  const command = translateTxn(txn, operationsMax, TXN_DEPTH_MAX);
  if (findDoubleWrite(command) !== null) throw refusal("duplicateKey");
  return command;
}

/** A transaction that can change nothing, and so needs no agreement. */
export function isReadOnly({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].every(({ requestRange }) => requestRange !== null);
}

/** Whether every read says that an old state will do; a transaction that only compares is not asked, so it is exact. */
export function isSerializable({ success, failure }: TxnRequest): boolean {
  const operations = [...success, ...failure];
  return operations.length > 0 && operations.every(({ requestRange }) => requestRange?.serializable === true);
}

/** A nested transaction may have as many operations as the outer one leaves. */
function translateTxn(txn: TxnRequest, operationsMax: number, depthLeft: number): TxnCommand {
  const size = Math.max(txn.compare.length, txn.success.length, txn.failure.length);
  if (size > operationsMax || depthLeft === 0) throw refusal("tooManyOps");
  for (const { key } of txn.compare) if (key === "") throw refusal("emptyKey");
  const translate = (operation: RequestOp) => translateOp(operation, operationsMax - size, depthLeft - 1);
  return {
    kind: "txn",
    success: txn.success.flatMap(translate),
    failure: txn.failure.flatMap(translate),
    compares: txn.compare.map(compareOf),
  };
}

function translateOp(operation: RequestOp, operationsMax: number, depthLeft: number): Operation[] {
  const { requestRange, requestPut, requestDeleteRange, requestTxn } = operation;
  if (requestRange !== null) return rangeOperations(requestRange);
  if (requestPut !== null) return [putCommand(requestPut)];
  if (requestDeleteRange !== null) return [deleteCommand(requestDeleteRange)];
  if (requestTxn !== null) return [translateTxn(requestTxn, operationsMax, depthLeft)];
  // What etcd says when no operation is named.
  throw refusal("keyNotFound");
}

/** The keys, and their count where the keys do not tell it: see `TxnAnswer`. */
function rangeOperations(request: RangeRequest): Operation[] {
  checkRange(request);
  if (request.countOnly) return [countOperation(request)];
  const operation = rangeOperation(request);
  return isCounted(request, operation.selection) ? [operation] : [operation, countOperation(request)];
}
