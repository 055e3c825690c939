import { Auth } from "../auth/auth.ts";
import { Store } from "../mvcc/store.ts";
import { Alarms } from "./alarms.ts";
import { LeaseTable } from "./lease.ts";
import { SessionTable } from "./session-table.ts";

/** All that the members agree on, and a snapshot holds. */
export interface KvState {
  readonly store: Store;
  readonly leases: LeaseTable;
  readonly sessions: SessionTable;
  readonly auth: Auth;
  readonly alarms: Alarms;
}

export function emptyState(): KvState {
  return {
    store: new Store(),
    leases: new LeaseTable(),
    sessions: new SessionTable(),
    auth: new Auth(),
    alarms: new Alarms(),
  };
}
