import type { KeyRange } from "../../kv/mvcc/key-range.ts";
import type { DeleteRangeRequest, PutRequest, RequestOp, TxnRequest } from "../../wire/kv-messages.ts";
import { keyRange } from "./key-ranges.ts";

/** The key whose former value the client wants to be told: for that it needs to read, not only to write. */
export function previousRangesOfPut({ key, prevKv }: PutRequest): KeyRange[] {
  return prevKv ? [keyRange(key, "")] : [];
}

export function previousRangesOfDelete({ key, rangeEnd, prevKv }: DeleteRangeRequest): KeyRange[] {
  return prevKv ? [keyRange(key, rangeEnd)] : [];
}

/** Both branches, at every depth: see `CommandCheck`. */
export function previousRangesOfTxn({ success, failure }: TxnRequest): KeyRange[] {
  return [...success, ...failure].flatMap(shownByOperation);
}

function shownByOperation({ requestPut, requestDeleteRange, requestTxn }: RequestOp): KeyRange[] {
  if (requestPut !== null) return previousRangesOfPut(requestPut);
  if (requestDeleteRange !== null) return previousRangesOfDelete(requestDeleteRange);
  return requestTxn === null ? [] : previousRangesOfTxn(requestTxn);
}
