import { Auth } from "../auth/auth.ts";
import { MvccStore } from "../mvcc/mvcc-store.ts";
import { Alarms } from "./alarms.ts";
import { LeaseTable } from "./lease-table.ts";
import { SessionTable } from "./session-table.ts";

/** All that the members agree on, and a snapshot holds. */
export interface KvState {
  readonly store: MvccStore;
  readonly leases: LeaseTable;
  readonly sessions: SessionTable;
  readonly auth: Auth;
  readonly alarms: Alarms;
}

export function emptyState(): KvState {
  return {
    store: new MvccStore(),
    leases: new LeaseTable(),
    sessions: new SessionTable(),
    auth: new Auth(),
    alarms: new Alarms(),
  };
}
