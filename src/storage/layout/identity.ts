import { QuorateError } from "../../base/errors.ts";
import type { Identity } from "../storage.ts";

/** Throws ERR_IDENTITY_MISMATCH when the storage belongs to another cluster or member. */
export function checkIdentity(found: Identity, given: Identity): void {
  for (const field of ["clusterId", "memberId", "memberName"] as const) {
    if (found[field] === given[field]) continue;
    const [whose, look] =
      field === "clusterId" ? ["cluster", "peers and clusterName"] : ["member", "dir and name"];
    const message = `the storage belongs to another ${whose}, ${found[field]}: look at ${look}`;
    throw new QuorateError("ERR_IDENTITY_MISMATCH", message, {
      field,
      expected: String(given[field]),
      found: String(found[field]),
    });
  }
}
