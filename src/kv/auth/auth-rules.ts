import type { AuthChangeReason } from "../../base/errors.ts";
import { isEmptyRange, type KeyRange } from "../mvcc/key-range.ts";
import type { AuthChange } from "./auth-change.ts";
import { AUTH_NAME_LENGTH_MAX, AUTH_ROLES_MAX, AUTH_USERS_MAX, ROLE_PERMISSIONS_MAX } from "./auth-limits.ts";
import { type AuthState, type Permission, ROOT, type Role, type User } from "./auth-state.ts";

/** Why nothing was changed; `as it is` when there was nothing to change, which is no failure. */
export type Unchanged = AuthChangeReason | "as it is";

/**
 * Carries out a change by etcd's rules; null once it is done. While users and roles count, the root user keeps its
 * name and its role: else nobody could switch them off any more.
 */
export function changeAuth(state: AuthState, change: AuthChange): Unchanged | null {
  switch (change.kind) {
    case "enable":
      return enable(state);
    case "disable":
      return disable(state);
    case "user-add":
      return addUser(state, change.user, change.password);
    case "user-delete":
      return deleteUser(state, change.user);
    case "user-password":
      return changePassword(state, change.user, change.password);
    case "user-grant":
      return grantRole(state, change.user, change.role);
    case "user-revoke":
      return revokeRole(state, change.user, change.role);
    case "role-add":
      return addRole(state, change.role);
    case "role-delete":
      return deleteRole(state, change.role);
    case "role-grant":
      return grantPermission(state, change.role, change.permission);
    case "role-revoke":
      return revokePermission(state, change.role, change.range);
  }
}

function enable(state: AuthState): Unchanged | null {
  if (state.isEnabled) return "as it is";
  const root = state.users.get(ROOT);
  if (root === undefined) return "no root user";
  if (!root.roles.includes(ROOT)) return "root user without root role";
  state.isEnabled = true;
  state.enabledSince = state.revision + 1;
  return null;
}

function disable(state: AuthState): Unchanged | null {
  if (!state.isEnabled) return "as it is";
  state.isEnabled = false;
  return null;
}

function addUser(state: AuthState, name: string, password: string | null): Unchanged | null {
  if (name === "") return "no user name";
  if (name.length > AUTH_NAME_LENGTH_MAX) return "name too long";
  if (state.users.has(name)) return "user exists";
  if (state.users.size >= AUTH_USERS_MAX) return "too many users";
  state.users.set(name, { name, password, since: state.revision + 1, roles: [] });
  return null;
}

function deleteUser(state: AuthState, name: string): Unchanged | null {
  if (state.isEnabled && name === ROOT) return "root is needed";
  return state.users.delete(name) ? null : "no such user";
}

function changePassword(state: AuthState, name: string, password: string): Unchanged | null {
  const user = state.users.get(name);
  if (user === undefined) return "no such user";
  if (user.password === null) return "as it is";
  state.users.set(name, { ...user, password, since: state.revision + 1 });
  return null;
}

function grantRole(state: AuthState, name: string, role: string): Unchanged | null {
  const user = state.users.get(name);
  if (user === undefined) return "no such user";
  // The root role is there without having been added.
  if (role !== ROOT && !state.roles.has(role)) return "no such role";
  if (user.roles.includes(role)) return "as it is";
  state.users.set(name, { ...user, roles: [...user.roles, role].sort() });
  return null;
}

function revokeRole(state: AuthState, name: string, role: string): Unchanged | null {
  if (state.isEnabled && name === ROOT && role === ROOT) return "root is needed";
  const user = state.users.get(name);
  if (user === undefined) return "no such user";
  if (!user.roles.includes(role)) return "role not granted";
  state.users.set(name, without(user, role));
  return null;
}

function addRole(state: AuthState, name: string): Unchanged | null {
  if (name === "") return "no role name";
  if (name.length > AUTH_NAME_LENGTH_MAX) return "name too long";
  if (state.roles.has(name)) return "role exists";
  if (state.roles.size >= AUTH_ROLES_MAX) return "too many roles";
  state.roles.set(name, { name, permissions: [] });
  return null;
}

function deleteRole(state: AuthState, name: string): Unchanged | null {
  if (state.isEnabled && name === ROOT) return "root is needed";
  if (!state.roles.delete(name)) return "no such role";
  for (const user of state.users.values()) {
    if (user.roles.includes(name)) state.users.set(user.name, without(user, name));
  }
  return null;
}

function grantPermission(state: AuthState, name: string, permission: Permission): Unchanged | null {
  if (permission.range.from === "" || isEmptyRange(permission.range)) return "range is empty";
  const role = state.roles.get(name);
  if (role === undefined) return "no such role";
  const others = role.permissions.filter(({ range }) => !isSameRange(range, permission.range));
  if (others.length >= ROLE_PERMISSIONS_MAX) return "too many permissions";
  const permissions = [...others, permission].sort(byRange);
  state.roles.set(name, { name, permissions });
  return null;
}

function revokePermission(state: AuthState, name: string, range: KeyRange): Unchanged | null {
  const role = state.roles.get(name);
  if (role === undefined) return "no such role";
  const permissions = role.permissions.filter((each) => !isSameRange(each.range, range));
  if (permissions.length === role.permissions.length) return "permission not granted";
  state.roles.set(name, { name, permissions });
  return null;
}

function without(user: User, role: Role["name"]): User {
  return { ...user, roles: user.roles.filter((each) => each !== role) };
}

function isSameRange(left: KeyRange, right: KeyRange): boolean {
  return left.from === right.from && left.to === right.to;
}

/** By the first key, then by the end; the open end comes last. */
function byRange({ range: left }: Permission, { range: right }: Permission): number {
  if (left.from !== right.from) return left.from < right.from ? -1 : 1;
  if (left.to === null) return 1;
  return right.to === null || left.to < right.to ? -1 : 1;
}
