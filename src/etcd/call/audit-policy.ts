import type { METHODS } from "../../wire/services.ts";

/**
 * When a call is told of.
 *
 * - `always`: whatever becomes of it.
 * - `write`: whatever becomes of it, where writes are asked for.
 * - `refused`: when its caller may not make it. So are all others.
 */
export type Audited = "always" | "write" | "refused";

/** Every method has its line here, as it has one of who may call it. */
export const AUDITED: Readonly<Record<keyof typeof METHODS, Audited>> = {
  range: "refused",
  rangeStream: "refused",
  put: "write",
  deleteRange: "write",
  txn: "write",
  compact: "always",

  watch: "refused",

  leaseGrant: "write",
  leaseRevoke: "write",
  leaseKeepAlive: "refused",
  leaseTimeToLive: "refused",
  leaseLeases: "refused",

  memberAdd: "always",
  memberRemove: "always",
  memberUpdate: "always",
  memberList: "refused",
  memberPromote: "always",

  // To ask for alarms is nothing to be told of.
  alarm: "always",
  status: "refused",
  defragment: "always",
  hash: "refused",
  hashKv: "refused",
  snapshot: "always",
  moveLeader: "always",
  downgrade: "refused",

  authEnable: "always",
  authDisable: "always",
  authStatus: "refused",
  authenticate: "always",
  userAdd: "always",
  userGet: "refused",
  userList: "refused",
  userDelete: "always",
  userChangePassword: "always",
  userGrantRole: "always",
  userRevokeRole: "always",
  roleAdd: "always",
  roleGet: "refused",
  roleList: "refused",
  roleDelete: "always",
  roleGrantPermission: "always",
  roleRevokePermission: "always",

  lock: "write",
  unlock: "write",
  campaign: "write",
  proclaim: "write",
  leader: "refused",
  observe: "refused",
  resign: "write",

  healthCheck: "refused",
  healthWatch: "refused",
};
