import type { AuthInfo } from "../auth/auth.ts";
import type { Rights } from "../auth/rights.ts";
import type { LeaseId } from "../mvcc/key-history.ts";
import type { KeyRange } from "../mvcc/key-range.ts";
import type { AsCommand } from "./command.ts";
import { CommandCheck, keysOnLease } from "./command-check.ts";
import type { KvState } from "./kv-state.ts";
import { type Refused, refused } from "./result.ts";

/**
 * Decides whether a caller may do something, in the state as it is at this moment. For commands that is when they are
 * applied, so a change of a permission that was agreed on before a write counts for it.
 */
export class Authority {
  readonly #state: KvState;

  constructor(state: KvState) {
    this.#state = state;
  }

  /** Why the command may not be carried out for its caller; null if it may. */
  refuseCommand({ caller, shown, command }: AsCommand): Refused | null {
    return this.#decide(caller, (rights) => {
      const check = new CommandCheck(rights, this.#state.leases);
      return check.permits(command) && shown.every((range) => rights.mayRead(range));
    });
  }

  /** Why one of the ranges may not be read; null if all may. */
  refuseReads(caller: AuthInfo, ranges: readonly KeyRange[]): Refused | null {
    return this.#decide(caller, (rights) => ranges.every((range) => rights.mayRead(range)));
  }

  /** Why the caller may not see which keys hang on the lease; null if it may. */
  refuseLeaseKeys(caller: AuthInfo, lease: LeaseId): Refused | null {
    return this.#decide(caller, (rights) => {
      return keysOnLease(this.#state.leases, lease).every((key) => rights.mayRead(key));
    });
  }

  /** Why the caller is not a user that is known; null if it is. */
  refuseStranger(caller: AuthInfo): Refused | null {
    return this.#decide(caller, () => true);
  }

  /** Why the caller may not do what only root may; null if it may. */
  refuseButRoot(caller: AuthInfo): Refused | null {
    return this.#decide(caller, (rights) => rights.isRoot);
  }

  /** Why the caller may not see what is known of a user: only root and the user itself may. */
  refuseUser(caller: AuthInfo, name: string): Refused | null {
    return this.#decide(caller, (rights) => rights.isRoot || caller.user === name);
  }

  /** Why the caller may not see what a role permits: only root and who has the role may. */
  refuseRole(caller: AuthInfo, role: string): Refused | null {
    return this.#decide(caller, (rights) => {
      return rights.isRoot || this.#state.auth.user(caller.user)!.roles.includes(role);
    });
  }

  #decide(caller: AuthInfo, isPermitted: (rights: Rights) => boolean): Refused | null {
    const { auth, store } = this.#state;
    if (!auth.isEnabled) return null;
    if (caller.user === "") return refused(store.revision, "ERR_AUTH_REQUIRED", "the call names no user", {});

    const rights = auth.rightsOf(caller.user);
    if (rights === undefined) return this.#denied();
    if (!auth.accepts(caller)) {
      const details = {
        authRevision: caller.authRevision,
        requiredRevision: auth.requiredRevision(caller.user)!,
      };
      const message = "the user has changed since the caller proved to be it";
      return refused(store.revision, "ERR_AUTH_STALE", message, details);
    }
    return isPermitted(rights) ? null : this.#denied();
  }

  #denied(): Refused {
    return refused(this.#state.store.revision, "ERR_AUTH_DENIED", "permission denied", {});
  }
}
