import { NO_LEASE } from "../kv/mvcc/key-history.ts";

const DECIMAL = /^(?:0|-?[1-9]\d{0,18})$/;

/**
 * A lease's id as etcd's clients know it: a number of 64 bits. Ids that are such numbers stand for themselves, and so do
 * those that the store chooses. A name that a program chose gets a number that is always the same, by which clients can
 * recognise the lease, but not act on it.
 */
export function leaseNumber(id: string): bigint {
  if (id === NO_LEASE) return 0n;
  const number = DECIMAL.test(id) ? BigInt(id) : null;
  return number === null || number !== BigInt.asIntN(64, number) ? hashed(id) : number;
}

/** The id of the lease that clients know by this number; 0 is no lease. */
export function leaseIdOf(number: bigint): string {
  return number === 0n ? NO_LEASE : String(number);
}

/** FNV-1a, with the sign cleared. */
function hashed(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (let at = 0; at < text.length; at++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(at))) * 0x100000001b3n);
  }
  return BigInt.asUintN(63, hash) || 1n;
}
