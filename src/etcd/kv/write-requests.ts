import type { DeleteCommand, PutCommand } from "../../kv/machine/command.ts";
import { NO_LEASE } from "../../kv/mvcc/key-history.ts";
import type { DeleteRangeRequest, PutRequest } from "../../wire/kv-messages.ts";
import { refusal } from "../../wire/status.ts";
import { keyRange } from "./key-ranges.ts";

/** Checks a put as etcd does, and gives the store's command. */
export function putCommand({ key, value, lease, ignoreValue, ignoreLease }: PutRequest): PutCommand {
  if (key === "") throw refusal("emptyKey");
  if (ignoreValue && value !== "") throw refusal("valueProvided");
  if (ignoreLease && lease !== NO_LEASE) throw refusal("leaseProvided");
  return { kind: "put", key, value: ignoreValue ? null : value, lease: ignoreLease ? null : lease };
}

export function deleteCommand({ key, rangeEnd }: DeleteRangeRequest): DeleteCommand {
  if (key === "") throw refusal("emptyKey");
  return { kind: "delete", range: keyRange(key, rangeEnd) };
}
