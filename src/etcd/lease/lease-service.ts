import { randomBytes } from "node:crypto";
import { LEASE_TTL_MAX_MS } from "../../kv/machine/lease-table.ts";
import type { LeaseId } from "../../kv/mvcc/key-history.ts";
import { LeaseTimeToLiveResponse } from "../../wire/lease-messages.ts";
import { METHODS } from "../../wire/services.ts";
import { refusal } from "../../wire/status.ts";
import type { Caller } from "../call/caller.ts";
import type { Front } from "../call/front.ts";
import type { Services } from "../services.ts";
import { KeepAlives } from "./keep-alives.ts";

/** Leases: their ids are numbers of 64 bits here, and their times whole seconds. */
export function serveLease(services: Services, front: Front): void {
  services.answer(METHODS.leaseGrant, async ({ id, ttl }, client) => {
    const { lease, ttlMs } = await grantLease(client, id, ttl);
    return { header: front.header(), id: lease, ttl: Math.ceil(ttlMs / 1000) };
  });

  services.answer(METHODS.leaseRevoke, async ({ id }, client) => {
    const { revision } = await client.propose(
      { kind: "lease-revoke", lease: id, renewedAt: null },
      "lease-revoke",
    );
    return { header: front.header(revision) };
  });

  services.converse(METHODS.leaseKeepAlive, (stream) => {
    const keepAlives = new KeepAlives(stream);
    stream.onMessage(({ id }) => keepAlives.add(id));
    stream.onHalfClose(() => keepAlives.finish());
    stream.onClose(() => keepAlives.close());
  });

  services.answer(METHODS.leaseTimeToLive, async ({ id, keys }, client) => {
    await front.linearize();
    if (keys) client.checkLeaseKeys(id);
    const lease = front.machine.leases.get(id);
    if (lease === undefined) return { header: front.header(), id, ttl: -1 };
    return LeaseTimeToLiveResponse.of({
      header: front.header(),
      id,
      ttl: Math.trunc(remainingMs(front, id) / 1000),
      grantedTtl: Math.ceil(lease.ttlMs / 1000),
      keys: keys ? [...lease.keys].sort() : [],
    });
  });

  services.answer(METHODS.leaseLeases, async () => {
    await front.linearize();
    const ids = [...front.machine.leases.all()].map(({ id }) => ({ id, left: remainingMs(front, id) }));
    ids.sort((one, other) => one.left - other.left);
    return { header: front.header(), leases: ids.map(({ id }) => ({ id })) };
  });
}

/** Grants a lease of whole seconds. An id of none lets us choose a number that nobody has. */
export function grantLease(client: Caller, id: LeaseId, ttl: number) {
  if (ttl * 1000 > LEASE_TTL_MAX_MS) throw refusal("leaseTtlTooLarge");
  const seconds = Math.max(ttl, shortestTtl(client.front));
  const lease = id === "" ? freeId(client.front) : id;
  return client.propose({ kind: "lease-grant", lease, ttlMs: seconds * 1000 }, "lease-grant");
}

/** A lease must outlive an election. */
function shortestTtl(front: Front): number {
  return Math.ceil((1.5 * front.settings.electionMs) / 1000);
}

/** A positive number of 63 bits. Whether somebody has it is decided where the lease is granted. */
function freeId(front: Front): LeaseId {
  for (;;) {
    const id = String(randomBytes(8).readBigUInt64BE() >> 1n);
    if (id !== "0" && !front.machine.leases.has(id)) return id;
  }
}

function remainingMs(front: Front, id: LeaseId): number {
  return front.parts.upkeep.keeper.remainingMs(id) ?? 0;
}
