import { byteString, int64, leaseId } from "./field.ts";
import { header } from "./header.ts";
import { KeyValue } from "./kv-messages.ts";
import { type MessageOf, message, nested } from "./message.ts";

export const LockRequest = message({ name: byteString(1), lease: leaseId(2) });
export const LockResponse = message({ header, key: byteString(2) });
export const UnlockRequest = message({ key: byteString(1) });

const leaderKeyFields = { name: byteString(1), key: byteString(2), rev: int64(3), lease: leaseId(4) };
export type LeaderKey = MessageOf<typeof leaderKeyFields>;
export const LeaderKey = message(leaderKeyFields);
const leader = nested(1, () => LeaderKey);

export const CampaignRequest = message({ name: byteString(1), lease: leaseId(2), value: byteString(3) });
export const CampaignResponse = message({ header, leader: nested(2, () => LeaderKey) });

const leaderRequestFields = { name: byteString(1) };
export type LeaderRequest = MessageOf<typeof leaderRequestFields>;
export const LeaderRequest = message(leaderRequestFields);
const leaderResponseFields = { header, kv: nested(2, () => KeyValue) };
export type LeaderResponse = MessageOf<typeof leaderResponseFields>;
export const LeaderResponse = message(leaderResponseFields);

export const ResignRequest = message({ leader });
export const ProclaimRequest = message({ leader, value: byteString(2) });
