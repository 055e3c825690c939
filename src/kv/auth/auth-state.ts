import type { KeyRange } from "../mvcc/key-range.ts";

/** Counts changes of users and roles, from 1 on. */
export type AuthRevision = number;

export const FIRST_AUTH_REVISION: AuthRevision = 1;

/** The user without whom nobody could be locked out, and the role that may do everything. Both as in etcd. */
export const ROOT = "root";

/** Who may do what. Names are text; `users` and `roles` are by name. */
export interface AuthState {
  /** While it is false, everybody may do everything. */
  isEnabled: boolean;
  revision: AuthRevision;
  /** When users and roles began to count: whoever proved to be somebody before that has to do so again. */
  enabledSince: AuthRevision;
  readonly users: Map<string, User>;
  readonly roles: Map<string, Role>;
}

/** A user of the etcd front: a name, a hashed password, and roles. */
export interface User {
  readonly name: string;
  /** A salted hash, opaque here: nothing below the front door knows a password. Null when none lets this user in. */
  readonly password: string | null;
  /** When the user was added or its password changed last: what was proved before that counts no more. */
  readonly since: AuthRevision;
  /** Names of roles, in order. */
  readonly roles: readonly string[];
}

/** A named set of permissions, granted to users. */
export interface Role {
  readonly name: string;
  /** In the order of their ranges, one for each range. */
  readonly permissions: readonly Permission[];
}

/** What a permission allows on its range of keys. Deleting counts as writing (etcd: Permission.Type). */
export type Access = "read" | "write" | "readwrite";

/** A right to read, write, or both, on every key of a range. */
export interface Permission {
  readonly access: Access;
  readonly range: KeyRange;
}

export function emptyAuthState(): AuthState {
  return {
    isEnabled: false,
    revision: FIRST_AUTH_REVISION,
    enabledSince: FIRST_AUTH_REVISION,
    users: new Map(),
    roles: new Map(),
  };
}
