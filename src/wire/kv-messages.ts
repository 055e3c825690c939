import { bool, byteString, enumeration, int64, leaseId } from "./field.ts";
import { header, type ResponseHeader } from "./header.ts";
import { type MessageOf, type MessageType, message, nested, nestedList } from "./message.ts";

export const SORT_ORDERS = ["NONE", "ASCEND", "DESCEND"];
export const SORT_TARGETS = ["KEY", "VERSION", "CREATE", "MOD", "VALUE"];
export const COMPARE_RESULTS = ["EQUAL", "GREATER", "LESS", "NOT_EQUAL"];
export const COMPARE_TARGETS = ["VERSION", "CREATE", "MOD", "VALUE", "LEASE"];

const keyValueFields = {
  key: byteString(1),
  createRevision: int64(2),
  modRevision: int64(3),
  version: int64(4),
  value: byteString(5),
  lease: leaseId(6),
};
/** A version of a key, as the store has it, is one of these. */
export type KeyValue = MessageOf<typeof keyValueFields>;
export const KeyValue = message(keyValueFields);

const rangeRequestFields = {
  key: byteString(1),
  rangeEnd: byteString(2),
  limit: int64(3),
  revision: int64(4),
  sortOrder: enumeration(5, SORT_ORDERS),
  sortTarget: enumeration(6, SORT_TARGETS),
  serializable: bool(7),
  keysOnly: bool(8),
  countOnly: bool(9),
  minModRevision: int64(10),
  maxModRevision: int64(11),
  minCreateRevision: int64(12),
  maxCreateRevision: int64(13),
};
export type RangeRequest = MessageOf<typeof rangeRequestFields>;
export const RangeRequest = message(rangeRequestFields);

const rangeResponseFields = {
  header,
  kvs: nestedList(2, () => KeyValue),
  more: bool(3),
  count: int64(4),
};
export type RangeResponse = MessageOf<typeof rangeResponseFields>;
export const RangeResponse = message(rangeResponseFields);

export const RangeStreamResponse = message({ rangeResponse: nested(1, () => RangeResponse) });

const putRequestFields = {
  key: byteString(1),
  value: byteString(2),
  lease: leaseId(3),
  prevKv: bool(4),
  ignoreValue: bool(5),
  ignoreLease: bool(6),
};
export type PutRequest = MessageOf<typeof putRequestFields>;
export const PutRequest = message(putRequestFields);

const putResponseFields = { header, prevKv: nested(2, () => KeyValue) };
export type PutResponse = MessageOf<typeof putResponseFields>;
export const PutResponse = message(putResponseFields);

const deleteRangeRequestFields = { key: byteString(1), rangeEnd: byteString(2), prevKv: bool(3) };
export type DeleteRangeRequest = MessageOf<typeof deleteRangeRequestFields>;
export const DeleteRangeRequest = message(deleteRangeRequestFields);

const deleteRangeResponseFields = { header, deleted: int64(2), prevKvs: nestedList(3, () => KeyValue) };
export type DeleteRangeResponse = MessageOf<typeof deleteRangeResponseFields>;
export const DeleteRangeResponse = message(deleteRangeResponseFields);

const compareFields = {
  result: enumeration(1, COMPARE_RESULTS),
  target: enumeration(2, COMPARE_TARGETS),
  key: byteString(3),
  version: int64(4),
  createRevision: int64(5),
  modRevision: int64(6),
  value: byteString(7),
  lease: leaseId(8),
  rangeEnd: byteString(64),
};
export type Compare = MessageOf<typeof compareFields>;
export const Compare = message(compareFields);

/** One of four; null in all of them is no operation. */
export interface RequestOp {
  readonly requestRange: RangeRequest | null;
  readonly requestPut: PutRequest | null;
  readonly requestDeleteRange: DeleteRangeRequest | null;
  readonly requestTxn: TxnRequest | null;
}
export const RequestOp: MessageType<RequestOp> = message({
  requestRange: nested(1, () => RangeRequest),
  requestPut: nested(2, () => PutRequest),
  requestDeleteRange: nested(3, () => DeleteRangeRequest),
  requestTxn: nested(4, () => TxnRequest),
});

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}
export const TxnRequest: MessageType<TxnRequest> = message({
  compare: nestedList(1, () => Compare),
  success: nestedList(2, () => RequestOp),
  failure: nestedList(3, () => RequestOp),
});

export interface ResponseOp {
  readonly responseRange: RangeResponse | null;
  readonly responsePut: PutResponse | null;
  readonly responseDeleteRange: DeleteRangeResponse | null;
  readonly responseTxn: TxnResponse | null;
}
export const ResponseOp: MessageType<ResponseOp> = message({
  responseRange: nested(1, () => RangeResponse),
  responsePut: nested(2, () => PutResponse),
  responseDeleteRange: nested(3, () => DeleteRangeResponse),
  responseTxn: nested(4, () => TxnResponse),
});

export interface TxnResponse {
  readonly header: ResponseHeader | null;
  readonly succeeded: boolean;
  readonly responses: readonly ResponseOp[];
}
export const TxnResponse: MessageType<TxnResponse> = message({
  header,
  succeeded: bool(2),
  responses: nestedList(3, () => ResponseOp),
});

const compactionRequestFields = { revision: int64(1), physical: bool(2) };
export type CompactionRequest = MessageOf<typeof compactionRequestFields>;
export const CompactionRequest = message(compactionRequestFields);
