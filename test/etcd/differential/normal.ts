import type { Outcome } from "../support/rpc-client.ts";

/** Fields that differ between any two clusters. */
const OWN = new Set(["clusterId", "memberId", "raftTerm", "cluster_id", "member_id", "raft_term"]);

/** An answer without what no two servers have in common, as text that can be compared. */
export function normal(name: string, outcome: Outcome<unknown>): string {
  return JSON.stringify("ok" in outcome ? { ok: known(name, outcome.ok as object) } : outcome, plain);
}

function plain(key: string, value: unknown): unknown {
  if (OWN.has(key)) return undefined;
  return typeof value === "bigint" ? String(value) : value;
}

/** Time goes on between two answers, and lists without an order have none. */
function known(name: string, ok: object): object {
  if (name === "leaseTimeToLive") {
    const { ttl, TTL, keys, ...rest } = ok as { ttl?: number; TTL?: string; keys?: readonly string[] };
    return { ...rest, isAlive: Number(ttl ?? TTL ?? 0) > 0, keys: [...(keys ?? [])].sort() };
  }
  if (name === "leaseLeases") {
    const { leases = [], ...rest } = ok as { leases?: readonly object[] };
    return { ...rest, leases: leases.map((lease) => JSON.stringify(lease)).sort() };
  }
  // An answer about alarms has a header since 3.5.
  if (name === "alarm") return { ...ok, header: null };
  return ok;
}
