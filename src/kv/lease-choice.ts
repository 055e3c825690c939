import { invalidArgument } from "../base/errors.ts";
import { type Demands, definite, demand, flag, text } from "../base/options.ts";
import { toByteString } from "./byte-text.ts";
import { type LeaseId, NO_LEASE } from "./mvcc/key-history.ts";

/** Which lease a key hangs on after a put: none, unless one of these says otherwise. */
export interface LeaseChoice {
  /** The key lives as long as this lease. Without it the key hangs on none, whatever it hung on before. */
  readonly lease?: string | { readonly id: string };
  /** The key stays on the lease that it hangs on. It must exist, or the put is refused with ERR_KEY_NOT_FOUND. */
  readonly keepLease?: boolean | undefined;
}

/** A lease, or its id. */
export const lease = demand(
  "a lease, or its id",
  (value): value is string | { readonly id: string } =>
    text.isMet(value) ||
    (typeof value === "object" && value !== null && text.isMet((value as { id?: unknown }).id)),
);

export const LEASE_CHOICE: Demands<LeaseChoice> = { lease: definite(lease), keepLease: flag };

/** The lease to put a key with; null keeps the one that it has. Throws ERR_INVALID_ARGUMENT. */
export function chosenLease({ lease: chosen, keepLease }: LeaseChoice): LeaseId | null {
  if (keepLease !== true) return leaseId(chosen);
  if (chosen === undefined) return null;
  throw invalidArgument(
    "keepLease",
    keepLease,
    "a put names a lease or keeps the one that there is, not both",
  );
}

/** A positive number of 63 bits, as etcd's ids are, of two random words. */
export function leaseIdOf([high = 0, low = 0]: Uint32Array): LeaseId {
  return String((BigInt(high) << 31n) | (BigInt(low) >> 1n) || 1n);
}

/** The id of a lease that must be named. Throws ERR_INVALID_ARGUMENT. */
export function namedLease(given: string | { readonly id: string }): LeaseId {
  if (lease.isMet(given)) return leaseId(given);
  throw invalidArgument("lease", given, `lease must be ${lease.says}`);
}

/** The id of a lease that is given by id or as itself. */
export function leaseId(given: string | { readonly id: string } | undefined): LeaseId {
  if (given === undefined) return NO_LEASE;
  return toByteString(typeof given === "string" ? given : given.id, "lease");
}
