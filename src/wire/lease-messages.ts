import { bool, byteStrings, int64, leaseId, text } from "./field.ts";
import { header } from "./header.ts";
import { type MessageOf, message, nestedList } from "./message.ts";

export const LeaseGrantRequest = message({ ttl: int64(1, "TTL"), id: leaseId(2, "ID") });
export const LeaseGrantResponse = message({
  header,
  id: leaseId(2, "ID"),
  ttl: int64(3, "TTL"),
  error: text(4),
});

export const LeaseRevokeRequest = message({ id: leaseId(1, "ID") });

export const LeaseKeepAliveRequest = message({ id: leaseId(1, "ID") });
export const LeaseKeepAliveResponse = message({ header, id: leaseId(2, "ID"), ttl: int64(3, "TTL") });

export const LeaseTimeToLiveRequest = message({ id: leaseId(1, "ID"), keys: bool(2) });
const timeToLiveFields = {
  header,
  id: leaseId(2, "ID"),
  ttl: int64(3, "TTL"),
  grantedTtl: int64(4, "grantedTTL"),
  keys: byteStrings(5),
};
export type LeaseTimeToLiveResponse = MessageOf<typeof timeToLiveFields>;
export const LeaseTimeToLiveResponse = message(timeToLiveFields);

export const LeaseStatus = message({ id: leaseId(1, "ID") });
export const LeaseLeasesResponse = message({ header, leases: nestedList(2, () => LeaseStatus) });
