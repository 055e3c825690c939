import type {
  Compare,
  CompareRelation,
  CompareTarget,
  CountOperation,
  DeleteCommand,
  Operation,
  PutCommand,
  RangeOperation,
  TxnCommand,
} from "../kv/machine/command.ts";
import type { SortTarget } from "../kv/mvcc/selection.ts";
import {
  COMPARE_RESULTS,
  COMPARE_TARGETS,
  Compare as CompareMessage,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest as RangeMessage,
  type RangeRequest,
  RequestOp,
  SORT_ORDERS,
  SORT_TARGETS,
  type TxnRequest,
  type Compare as WireCompare,
} from "../wire/kv-messages.ts";
import { wireRange } from "./ranges.ts";

const RELATIONS: Readonly<Record<CompareRelation, string>> = {
  equal: "EQUAL",
  notEqual: "NOT_EQUAL",
  less: "LESS",
  greater: "GREATER",
};

const TARGETS: Readonly<Record<CompareTarget, string>> = {
  value: "VALUE",
  version: "VERSION",
  createRevision: "CREATE",
  modRevision: "MOD",
  lease: "LEASE",
};

const SORTS: Readonly<Record<SortTarget, string>> = {
  key: "KEY",
  value: "VALUE",
  version: "VERSION",
  createRevision: "CREATE",
  modRevision: "MOD",
};

const ASCENDING = SORT_ORDERS.indexOf("ASCEND");
const DESCENDING = SORT_ORDERS.indexOf("DESCEND");

export function putRequest({ key, value, lease }: PutCommand, prevKv: boolean): PutRequest {
  return PutRequest.of({
    key,
    value: value ?? "",
    lease: lease ?? "",
    prevKv,
    ignoreValue: value === null,
    ignoreLease: lease === null,
  });
}

export function deleteRequest({ range }: DeleteCommand, prevKv: boolean): DeleteRangeRequest {
  return DeleteRangeRequest.of({ ...wireRange(range), prevKv });
}

export function txnRequest({ compares, success, failure }: TxnCommand, prevKv: boolean): TxnRequest {
  return {
    compare: compares.map(compareRequest),
    success: success.map((operation) => operationRequest(operation, prevKv)),
    failure: failure.map((operation) => operationRequest(operation, prevKv)),
  };
}

function operationRequest(operation: Operation, prevKv: boolean): RequestOp {
  switch (operation.kind) {
    case "put":
      return RequestOp.of({ requestPut: putRequest(operation, prevKv) });
    case "delete":
      return RequestOp.of({ requestDeleteRange: deleteRequest(operation, prevKv) });
    case "range":
      return RequestOp.of({ requestRange: rangeRequest(operation) });
    case "count":
      return RequestOp.of({ requestRange: countRequest(operation) });
    case "txn":
      return RequestOp.of({ requestTxn: txnRequest(operation, prevKv) });
  }
}

function rangeRequest({ range, revision, limit, reverse, selection }: RangeOperation): RangeRequest {
  const isSorted = reverse || (selection !== null && selection.sortBy !== "key");
  const { sortBy = "key", ...bounds } = selection ?? {};
  return RangeMessage.of({
    ...wireRange(range),
    ...bounds,
    revision: revision ?? 0,
    limit,
    sortOrder: isSorted ? (reverse ? DESCENDING : ASCENDING) : 0,
    sortTarget: SORT_TARGETS.indexOf(SORTS[sortBy]),
  });
}

function countRequest({ range, revision }: CountOperation): RangeRequest {
  return RangeMessage.of({ ...wireRange(range), revision: revision ?? 0, countOnly: true });
}

function compareRequest({ range, target, relation, operand }: Compare): WireCompare {
  return CompareMessage.of({
    ...wireRange(range),
    result: COMPARE_RESULTS.indexOf(RELATIONS[relation]),
    target: COMPARE_TARGETS.indexOf(TARGETS[target]),
    [target]: operand,
  });
}
