import type { METHODS } from "../../wire/services.ts";

/**
 * Who may call a method while users and roles count.
 *
 * - `open`: anybody.
 * - `user`: whoever is known.
 * - `keys`: whoever is known; the keys that the call touches are judged where they are touched, by the same state.
 * - `each`: the stream is open to anybody, and each message is judged by itself.
 * - `root`: who has the root role.
 */
export type Policy = "open" | "user" | "keys" | "each" | "root";

/** Every method has its line here, or it is not served: what is forgotten is refused. */
export const POLICIES: Readonly<Record<keyof typeof METHODS, Policy>> = {
  range: "keys",
  rangeStream: "keys",
  put: "keys",
  deleteRange: "keys",
  txn: "keys",
  compact: "root",

  watch: "each",

  leaseGrant: "user",
  leaseRevoke: "keys",
  leaseKeepAlive: "user",
  leaseTimeToLive: "keys",
  leaseLeases: "user",

  memberAdd: "root",
  memberRemove: "root",
  memberUpdate: "root",
  memberList: "user",
  memberPromote: "root",

  // Raising and lowering alarms is root's; that is judged where the command is applied.
  alarm: "user",
  status: "user",
  defragment: "root",
  hash: "root",
  hashKv: "root",
  snapshot: "root",
  moveLeader: "root",
  downgrade: "root",

  authEnable: "root",
  authDisable: "root",
  authStatus: "open",
  authenticate: "open",
  userAdd: "root",
  // A user may see itself, and its roles.
  userGet: "user",
  userList: "root",
  userDelete: "root",
  userChangePassword: "root",
  userGrantRole: "root",
  userRevokeRole: "root",
  roleAdd: "root",
  roleGet: "user",
  roleList: "root",
  roleDelete: "root",
  roleGrantPermission: "root",
  roleRevokePermission: "root",

  lock: "keys",
  unlock: "keys",
  campaign: "keys",
  proclaim: "keys",
  leader: "keys",
  observe: "keys",
  resign: "keys",

  healthCheck: "open",
  healthWatch: "open",
};
