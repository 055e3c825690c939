import type { Clock } from "../../base/clock.ts";
import type { RoleKind } from "../../raft/effects.ts";
import type { KvReplica } from "../kv-context.ts";

/** What upkeep needs of the member that its store runs on. */
export interface UpkeepMember {
  readonly id: number;
  readonly clock: Clock;
  readonly isLeader: boolean;
  /** See `KvReplica`. */
  readonly memberIds?: readonly number[];
  /** Whatever becomes of the command shows in the state: `settled` only tells that it is decided, or not waited for. */
  propose(command: Uint8Array, settled: () => void): void;
  on(event: "role", listener: (role: RoleKind) => void): unknown;
  off(event: "role", listener: (role: RoleKind) => void): unknown;
}

/** A replica, for the upkeep of its store. */
export function upkeepMember(replica: KvReplica): UpkeepMember {
  return {
    id: replica.id,
    clock: replica.clock,
    get isLeader() {
      return replica.isLeader;
    },
    get memberIds() {
      return replica.memberIds ?? [];
    },
    propose: (command, settled) => void replica.propose(command).then(settled, settled),
    on: (event, listener) => replica.on(event, listener),
    off: (event, listener) => replica.off(event, listener),
  };
}
