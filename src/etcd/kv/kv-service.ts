import type { TxnCommand } from "../../kv/machine/command.ts";
import { Operations } from "../../kv/machine/operations.ts";
import { runTxn } from "../../kv/machine/txn.ts";
import type { TxnRequest, TxnResponse } from "../../wire/kv-messages.ts";
import { METHODS } from "../../wire/services.ts";
import { refusal } from "../../wire/status.ts";
import type { Caller } from "../call/caller.ts";
import type { Front } from "../call/front.ts";
import { errorOf } from "../call/throw-refused.ts";
import type { Services } from "../services.ts";
import { keyRange } from "./key-ranges.ts";
import { deleteResponse, putResponse, txnResponse } from "./kv-responses.ts";
import { previousRangesOfDelete, previousRangesOfPut, previousRangesOfTxn } from "./previous-ranges.ts";
import { checkRange, checkReadable, readRange, safe } from "./range-request.ts";
import { streamRange } from "./range-stream.ts";
import { isReadOnly, isSerializable, txnCommand } from "./txn-request.ts";
import { deleteCommand, putCommand } from "./write-requests.ts";

/** Keys and values. */
export function serveKv(services: Services, front: Front): void {
  services.answer(METHODS.range, async (request, client) => {
    checkRange(request);
    if (!request.serializable) await front.linearize();
    client.checkReads(keyRange(request.key, request.rangeEnd));
    front.checkSound();
    checkReadable(request.revision, front.machine.store);
    front.machine.counts.ranges += 1;
    return { header: front.header(), ...readRange(request, front.machine.store) };
  });

  services.stream(METHODS.rangeStream, (request, stream) => streamRange(front, request, stream));

  services.answer(METHODS.put, async (request, client, size) => {
    const command = putCommand(request);
    front.checkSize(size);
    const result = await client.propose(command, "put", previousRangesOfPut(request));
    return putResponse(request, result, front.header(result.revision));
  });

  services.answer(METHODS.deleteRange, async (request, client, size) => {
    const command = deleteCommand(request);
    front.checkSize(size);
    const result = await client.propose(command, "delete", previousRangesOfDelete(request));
    return deleteResponse(request, result, front.header(result.revision));
  });

  services.answer(METHODS.txn, async (request, client, size) => {
    const command = txnCommand(request, front.settings.txnOperationsMax);
    if (isReadOnly(request)) return readTxn(client, request, command);
    front.checkSize(size);
    const result = await client.propose(command, "txn", previousRangesOfTxn(request));
    return txnResponse(request, result, front.header(result.revision));
  });

  services.answer(METHODS.compact, async ({ revision, physical }, client) => {
    if (revision < 0) throw refusal("compacted");
    await client.propose({ kind: "compact", revision: safe(revision) }, "done");
    if (physical) await front.compacted();
    return { header: front.header() };
  });
}

/** Reads of one moment need no agreement. */
async function readTxn(client: Caller, request: TxnRequest, command: TxnCommand): Promise<TxnResponse> {
  const { front } = client;
  if (!isSerializable(request)) await front.linearize();
  client.check(command);
  front.checkSound();
  const { store, leases, counts } = front.machine;
  const result = runTxn(command, store, new Operations(store, leases, counts));
  if (result.kind === "refused") throw errorOf(result);
  return txnResponse(request, result, front.header());
}
