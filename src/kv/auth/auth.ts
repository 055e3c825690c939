import type { AuthChange } from "./auth-change.ts";
import { packAuthState, unpackAuthState } from "./auth-codec.ts";
import { changeAuth, type Unchanged } from "./auth-rules.ts";
import {
  type AuthRevision,
  emptyAuthState,
  FIRST_AUTH_REVISION,
  ROOT,
  type Role,
  type User,
} from "./auth-state.ts";
import { Rights } from "./rights.ts";

/** Whom a call comes from, and when it was proved last. */
export interface AuthInfo {
  /** Empty when the call names no user. */
  readonly user: string;
  /** The auth revision under which the password, token or certificate was accepted. */
  readonly authRevision: AuthRevision;
}

/** Somebody who names no user: good for everything while users and roles do not count, and for nothing afterwards. */
export const NOBODY: AuthInfo = { user: "", authRevision: 0 };

/**
 * Users, roles, and whether they count: replicated state, so that a change of a permission has its place among the
 * writes. It changes by applied commands only, and snapshots carry it.
 */
export class Auth {
  #state = emptyAuthState();
  /** Of the users that were asked for since the last change. */
  readonly #rights = new Map<string, Rights>();

  /** Whether users and roles are enforced (etcd: AuthEnable). */
  get isEnabled(): boolean {
    return this.#state.isEnabled;
  }

  /** Raised by every change. */
  get revision(): AuthRevision {
    return this.#state.revision;
  }

  user(name: string): User | undefined {
    return this.#state.users.get(name);
  }

  role(name: string): Role | undefined {
    return this.#state.roles.get(name);
  }

  /** Whether nothing was ever changed. */
  get isUntouched(): boolean {
    return this.revision === FIRST_AUTH_REVISION;
  }

  /** In order. */
  userNames(): string[] {
    return [...this.#state.users.keys()].sort();
  }

  /** In order. */
  roleNames(): string[] {
    return [...this.#state.roles.keys()].sort();
  }

  /** Carries out a change; null once it is done, or when nothing had to be done. */
  change(change: AuthChange): Exclude<Unchanged, "as it is"> | null {
    const unchanged = changeAuth(this.#state, change);
    if (unchanged === "as it is") return null;
    if (unchanged !== null) return unchanged;
    this.#state.revision += 1;
    this.#rights.clear();
    return null;
  }

  /** What the user may do, or undefined when there is no such user. */
  rightsOf(name: string): Rights | undefined {
    const known = this.#rights.get(name);
    if (known !== undefined) return known;
    const user = this.user(name);
    if (user === undefined) return undefined;
    const permissions = user.roles.flatMap((role) => this.role(role)?.permissions ?? []);
    const rights = new Rights(user.roles.includes(ROOT), permissions);
    this.#rights.set(name, rights);
    return rights;
  }

  /** The lowest auth revision under which being this user may have been proved, or undefined without such a user. */
  requiredRevision(name: string): AuthRevision | undefined {
    const user = this.user(name);
    return user === undefined ? undefined : Math.max(user.since, this.#state.enabledSince);
  }

  /** All of it in bytes, the same on every member. */
  pack(): Uint8Array {
    return packAuthState(this.#state);
  }

  /** Takes in what `pack` gave. Throws MalformedBytes. */
  restore(bytes: Uint8Array): void {
    this.#state = unpackAuthState(bytes);
    this.#rights.clear();
  }

  /** Whether what the caller proved still counts. */
  accepts({ user, authRevision }: AuthInfo): boolean {
    const required = this.requiredRevision(user);
    return required !== undefined && authRevision >= required;
  }
}
