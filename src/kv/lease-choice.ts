import { invalidArgument } from "../base/errors.ts";
import { toByteString } from "./byte-text.ts";
import { type LeaseId, NO_LEASE } from "./key-history.ts";

/** Which lease a key hangs on after a put: none, unless one of these says otherwise. */
export interface LeaseChoice {
  /** The key lives as long as this lease. Without it the key hangs on none, whatever it hung on before. */
  readonly lease?: string | { readonly id: string } | undefined;
  /** The key stays on the lease that it hangs on. It must exist, or the put is refused with ERR_KEY_NOT_FOUND. */
  readonly keepLease?: boolean | undefined;
}

/** The lease to put a key with; null keeps the one that it has. Throws ERR_INVALID_ARGUMENT. */
export function chosenLease({ lease, keepLease }: LeaseChoice): LeaseId | null {
  if (keepLease !== true) return leaseId(lease);
  if (lease === undefined) return null;
  throw invalidArgument(
    "keepLease",
    keepLease,
    "a put names a lease or keeps the one that there is, not both",
  );
}

/** The id of a lease that is given by id or as itself. */
export function leaseId(lease: string | { readonly id: string } | undefined): LeaseId {
  if (lease === undefined) return NO_LEASE;
  return toByteString(typeof lease === "string" ? lease : lease.id, "lease");
}
