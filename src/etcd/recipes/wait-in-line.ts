import type { Timer } from "../../base/clock.ts";
import type { Compare, Operation, RangeOperation } from "../../kv/machine/command.ts";
import { type KeyVersion, type LeaseId, NO_LEASE, type Revision } from "../../kv/mvcc/key-history.ts";
import { type Key, keysWithPrefix, singleKey } from "../../kv/mvcc/key-range.ts";
import { type Selection, selectRange } from "../../kv/mvcc/selection.ts";
import { leaseNumber } from "../../wire/lease-number.ts";
import { Grpc, RpcError, refusal, rpcErrorOf } from "../../wire/status.ts";
import type { Caller } from "../call/caller.ts";
import type { Front } from "../call/front.ts";
import { grantLease } from "../lease/lease-service.ts";
import { nextChanges } from "../watch/key-events.ts";

/** What a lock or an election without a lease of its own lives by; it is kept alive until its turn comes. */
const SESSION_TTL_SECONDS = 60;

const OLDEST_FIRST: Selection = {
  sortBy: "createRevision",
  minModRevision: 0,
  maxModRevision: 0,
  minCreateRevision: 0,
  maxCreateRevision: 0,
};

/** A key in a line of those who want the same. */
export interface Place {
  readonly key: Key;
  readonly lease: LeaseId;
  /** The revision that made the key: whoever has the lowest is first. */
  readonly revision: Revision;
  /** The revision of the transaction that took or found it. */
  readonly takenAt: Revision;
}

/** Takes a place in the line called `name`, or finds the one that the lease has already, and waits until it is the first. */
export async function waitInLine(
  client: Caller,
  { name, lease, value }: { readonly name: string; readonly lease: LeaseId; readonly value: string | null },
): Promise<Place> {
  // Who waits in a line learns of those who are ahead.
  client.checkReads(keysWithPrefix(`${name}/`));
  const id = lease === NO_LEASE ? (await grantLease(client, NO_LEASE, SESSION_TTL_SECONDS)).lease : lease;
  const keepAlive = lease === NO_LEASE ? keptAlive(client, id) : null;
  try {
    const place = await takePlace(client, name, id, value);
    await waitForTurn(client, name, place);
    return place;
  } catch (error) {
    // No client knows the id of this lease: if it cannot be revoked now, it expires.
    if (keepAlive !== null)
      await client
        .propose({ kind: "lease-revoke", lease: id, renewedAt: null }, "lease-revoke")
        .catch(() => {});
    throw asRecipeError(error);
  } finally {
    keepAlive?.cancel();
  }
}

/** The one whose key is the oldest, or undefined when nobody stands in line. */
export function firstInLine(client: Caller, name: string): KeyVersion | undefined {
  client.checkReads(keysWithPrefix(`${name}/`));
  const options = { selection: OLDEST_FIRST, limit: 1 };
  return selectRange(client.front.machine.store, keysWithPrefix(`${name}/`), options).versions[0];
}

/** The claim that the place is still the one that was taken. */
function stillHeld(key: Key, revision: Revision): Compare {
  return { range: singleKey(key), target: "createRevision", relation: "equal", operand: revision };
}

/** A value of null leaves the one that the key has, if the lease stands in line already. */
async function takePlace(client: Caller, name: string, lease: LeaseId, value: string | null): Promise<Place> {
  const key = `${name}/${leaseNumber(lease).toString(16)}`;
  const put: Operation = { kind: "put", key, value: value ?? "", lease };
  const look = rangeOf(key);
  const command = { kind: "txn", compares: [stillHeld(key, 0)], success: [put], failure: [look] } as const;
  const { revision, results } = await client.propose(command, "txn");
  const found = results[0]!;
  const current = found.kind === "range" ? found.versions[0] : undefined;
  const place = { key, lease, revision: current?.createRevision ?? revision, takenAt: revision };
  const isToldAnew = current !== undefined && value !== null && current.value !== value;
  if (isToldAnew && !(await writeIfHeld(client, place, put))) throw refusal("electionNotLeader");
  return place;
}

/** Writes only if the place is still the one that was taken. */
export async function writeIfHeld(
  client: Caller,
  { key, revision }: Pick<Place, "key" | "revision">,
  operation: Operation,
): Promise<boolean> {
  if (!Number.isSafeInteger(revision) || revision < 0) return false;
  const compares = [stillHeld(key, revision)];
  const command = { kind: "txn", compares, success: [operation], failure: [] } as const;
  return (await client.propose(command, "txn")).succeeded;
}

/** In etcd locks and elections are a client within the server, whose errors lose their code on the way. */
function asRecipeError(error: unknown): RpcError {
  const { code, message } = rpcErrorOf(error);
  return new RpcError(code === Grpc.unavailable || code === Grpc.cancelled ? code : Grpc.unknown, message);
}

async function waitForTurn(client: Caller, name: string, place: Place): Promise<void> {
  const { front, signal } = client;
  try {
    for (;;) {
      const { store } = front.machine;
      const ahead = lastAhead(front, name, place.revision);
      if (ahead === undefined) break;
      const left = { range: singleKey(ahead.key), from: store.revision + 1, without: "put" } as const;
      await nextChanges(front, left, signal);
    }
  } catch (error) {
    await client.propose({ kind: "delete", range: singleKey(place.key) }, "delete");
    throw error;
  }
  await front.linearize();
  client.checkReads(keysWithPrefix(`${name}/`));
  if (front.machine.store.get(place.key)?.createRevision !== place.revision) throw refusal("sessionExpired");
}

/** The youngest of those who came before: they leave one after the other, and each wakes one. */
function lastAhead(front: Front, name: string, revision: Revision): KeyVersion | undefined {
  const selection = { ...OLDEST_FIRST, maxCreateRevision: revision - 1 };
  const options = { selection, limit: 1, reverse: true };
  return selectRange(front.machine.store, keysWithPrefix(`${name}/`), options).versions[0];
}

function rangeOf(key: Key): RangeOperation {
  return { kind: "range", range: singleKey(key), revision: null, limit: 0, reverse: false, selection: null };
}

/** Renews a lease now and then until the timer is cancelled. */
function keptAlive(client: Caller, lease: LeaseId): Timer {
  const { clock } = client.front;
  let timer: Timer;
  const schedule = (): void => {
    timer = clock.after((SESSION_TTL_SECONDS * 1000) / 3, () => {
      // If it fails, the lease may end: then the key is gone when the turn comes, and that is noticed.
      client.propose({ kind: "lease-keep-alive", leases: [lease] }, "lease-keep-alive").catch(() => {});
      schedule();
    });
  };
  schedule();
  return { cancel: () => timer.cancel() };
}
