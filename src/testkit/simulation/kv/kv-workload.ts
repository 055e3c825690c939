import type { Command, Compare, Operation } from "../../../kv/machine/command.ts";
import { singleKey } from "../../../kv/mvcc/key-range.ts";
import type { RandomStream } from "../chance/random-streams.ts";
import type { KvCall } from "./kv-client.ts";
import { rareQuery, rareTxn, someRevision } from "./kv-questions.ts";

const KEYS = ["a", "b", "c", "d", "e"];
const LEASES = ["1001", "1002"];
const FIELD = { keys: KEYS, leases: LEASES };
const EVERYTHING = { from: "a", to: "z" };

/** What a client of the store might ask for: few keys, so that calls meet, and a value that nobody else writes. */
export function kvOperation(chance: RandomStream): KvCall {
  const dice = chance.fraction();
  if (dice < 0.25) return { query: { kind: "range", range: singleKey(chance.pick(KEYS)) } };
  if (dice < 0.3) return { query: { kind: "range", range: EVERYTHING } };
  if (dice < 0.34) return { query: rareQuery(chance, FIELD), ...sometimesStale(chance) };
  if (dice < 0.35) return { query: { kind: "count", range: EVERYTHING } };
  const wanted = command(chance, dice);
  return isWrite(wanted) && chance.happens(0.25) ? { once: wanted } : { command: wanted };
}

function command(chance: RandomStream, dice: number): Command {
  if (dice < 0.65) return put(chance);
  if (dice < 0.72) return { kind: "delete", range: singleKey(chance.pick(KEYS)) };
  if (dice < 0.74) return { kind: "delete", range: { from: "b", to: "d" } };
  if (dice < 0.81) return txn(chance);
  if (dice < 0.87) return rareTxn(chance, FIELD);
  if (dice < 0.91)
    return { kind: "lease-grant", lease: chance.pick(LEASES), ttlMs: chance.between(300, 3000) };
  if (dice < 0.95) return { kind: "lease-keep-alive", leases: [chance.pick(LEASES)] };
  if (dice < 0.97) return { kind: "lease-revoke", lease: chance.pick(LEASES), renewedAt: null };
  return { kind: "compact", revision: someRevision(chance) };
}

function sometimesStale(chance: RandomStream): { readonly consistency?: "stale" } {
  return chance.happens(0.3) ? { consistency: "stale" } : {};
}

function isWrite({ kind }: Command): boolean {
  return kind === "put" || kind === "delete" || kind === "txn";
}

function put(chance: RandomStream): Extract<Command, { kind: "put" }> {
  const lease = chance.happens(0.4) ? chance.pick(LEASES) : "";
  const put = { kind: "put", key: chance.pick(KEYS), value: `v${chance.word()}`, lease } as const;
  // Now and then one that does not fit into one sector of a disk.
  return chance.happens(0.1) ? { ...put, value: put.value + "x".repeat(chance.between(0, 2000)) } : put;
}

function txn(chance: RandomStream): Command {
  const key = chance.pick(KEYS);
  const compares: Compare[] = [
    {
      range: singleKey(key),
      target: "version",
      relation: chance.pick(["equal", "less", "greater"]),
      operand: chance.between(0, 5),
    },
  ];
  const other = chance.pick(KEYS.filter((each) => each !== key));
  const value = `v${chance.word()}`;
  const success: Operation[] = [
    { kind: "put", key, value, lease: "" },
    { kind: "put", key: other, value, lease: "" },
  ];
  const look = { revision: null, limit: 0, reverse: false, selection: null };
  const failure: Operation[] = [{ kind: "range", range: singleKey(key), ...look }];
  return { kind: "txn", compares, success, failure };
}
