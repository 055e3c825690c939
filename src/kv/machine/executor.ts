import type { Index } from "../../log/entry.ts";
import type { AuthChange } from "../auth/auth-change.ts";
import type { Revision } from "../mvcc/key-history.ts";
import { ALARMS_MAX } from "./alarms.ts";
import { Authority } from "./authority.ts";
import {
  type AlarmCommand,
  type AsCommand,
  type AuthTokenCommand,
  type Command,
  grows,
  type SessionEndCommand,
  type SessionWriteCommand,
  type TxnCommand,
} from "./command.ts";
import { decodeCommand } from "./command-codec.ts";
import type { Counts } from "./counts.ts";
import type { KvState } from "./kv-state.ts";
import { LeaseOperations } from "./lease-operations.ts";
import { SESSIONS_MAX } from "./limits.ts";
import { Operations } from "./operations.ts";
import { type KvResult, type Refused, refused } from "./result.ts";
import type { Answer } from "./result-codec.ts";
import { runTxn } from "./txn.ts";

/** Where a command stands in the log, and when its leader put it there. */
export interface Moment {
  readonly index: Index;
  /** Milliseconds since 1970; never goes back. */
  readonly time: number;
}

/** Carries out commands on a state: each one whole, or refused. */
export class Executor {
  readonly #state: KvState;
  readonly #counts: Counts;
  readonly operations: Operations;
  readonly authority: Authority;
  readonly #leaseOperations: LeaseOperations;

  constructor(state: KvState, counts: Counts) {
    const { store, leases } = state;
    this.#state = state;
    this.#counts = counts;
    this.operations = new Operations(store, leases, counts);
    this.authority = new Authority(state);
    this.#leaseOperations = new LeaseOperations(store, leases, this.operations, counts);
  }

  execute(command: Command | null, moment: Moment): KvResult {
    if (command === null)
      return this.#refuse("ERR_INVALID_ARGUMENT", "unknown command", { argument: "command" });
    if (this.#state.alarms.isRaised("no-space") && grows(command))
      return this.#refuse("ERR_NO_SPACE", "the store is over its quota: delete and compact", {});
    switch (command.kind) {
      case "put":
        return this.operations.checkPut(command) ?? this.#commit(this.operations.put(command));
      case "delete":
        return this.#commit(this.operations.delete(command));
      case "txn":
        return this.#txn(command);
      case "lease-grant":
        return this.#leaseOperations.grant(command, moment.index);
      case "lease-revoke":
        return this.#commit(this.#leaseOperations.revoke(command));
      case "lease-keep-alive":
        return this.#leaseOperations.keepAlive(command.leases, moment.index);
      case "lease-checkpoint":
        return this.#leaseOperations.checkpoint(command);
      case "compact":
        return this.#compact(command.revision);
      case "alarm":
        return this.#alarm(command);
      case "session-open":
        return this.#openSession(moment);
      case "session-write":
        return this.#writeOnce(command, moment);
      case "session-end":
        return this.#endSession(command);
      case "auth":
        return this.#changeAuth(command.change);
      case "auth-token":
        return this.#grantToken(command, moment);
      case "as":
        return this.#executeAs(command, moment);
    }
  }

  /** Makes a revision of what was written. The result was built knowing it. */
  #commit<Result extends KvResult>(result: Result): Result {
    this.#state.store.commit();
    return result;
  }

  #txn(command: TxnCommand): KvResult {
    const before = this.#counts.operations;
    const result = this.#commit(runTxn(command, this.#state.store, this.operations));
    if (this.#counts.operations - before > 1) this.#counts.txns += 1;
    return result;
  }

  #compact(revision: Revision): KvResult {
    const { store } = this.#state;
    const refusal = this.operations.checkRevision(revision);
    if (refusal !== null) return refusal;
    if (revision === store.compactRevision) {
      const details = { revision, compactRevision: revision };
      return this.#refuse("ERR_COMPACTED", `revision ${revision} is compacted already`, details);
    }
    store.compaction.begin(revision);
    return this.#done();
  }

  #alarm({ alarm: kind, member, isRaised }: AlarmCommand): KvResult {
    const { alarms } = this.#state;
    if (!isRaised) alarms.lower(kind, member);
    else if (member === null)
      return this.#refuse("ERR_INVALID_ARGUMENT", "an alarm is about a member", { argument: "member" });
    else if (!alarms.raise({ kind, member }))
      return this.#refuse("ERR_BUSY", `${ALARMS_MAX} alarms stand`, { what: "alarms", limit: ALARMS_MAX });
    return this.#done();
  }

  #openSession({ index, time }: Moment): KvResult {
    const session = String(index);
    if (this.#state.sessions.open(session, time))
      return { kind: "session-open", revision: this.#state.store.revision, session };
    const details = { what: "client sessions", limit: SESSIONS_MAX };
    return this.#refuse("ERR_BUSY", `${SESSIONS_MAX} client sessions are open`, details);
  }

  /** A refused write took no effect and is not remembered: it may be proposed again under its number. */
  #writeOnce({ session, number, write }: SessionWriteCommand, moment: Moment): KvResult {
    const { sessions } = this.#state;
    const recalled = sessions.recall(session, number, write);
    switch (recalled.kind) {
      case "answered":
        return recalled.answer;
      case "expired":
        return this.#refuse("ERR_SESSION_EXPIRED", "there is no such client session any more", { session });
      case "forgotten":
        return this.#refuse("ERR_ANSWER_FORGOTTEN", "the write's answer is not known any more", {
          session,
          number,
        });
      case "taken": {
        const message = `number ${number} of the session belongs to another write`;
        return this.#refuse("ERR_INVALID_ARGUMENT", message, { argument: "number", received: number });
      }
      case "new": {
        const command = decodeCommand(write);
        const result = this.execute(command !== null && isNumbered(command) ? command : null, moment);
        if (result.kind !== "refused")
          sessions.remember(session, number, write, result as Answer, moment.time);
        return result;
      }
    }
  }

  #endSession({ session }: SessionEndCommand): KvResult {
    this.#state.sessions.end(session);
    return this.#done();
  }

  #changeAuth(change: AuthChange): KvResult {
    const reason = this.#state.auth.change(change);
    return reason === null ? this.#done() : this.#refuse("ERR_AUTH_CHANGE", reason, { reason });
  }

  /** The password was checked before this was proposed; what has changed since decides. */
  #grantToken(command: AuthTokenCommand, { index }: Moment): KvResult {
    const { auth, store } = this.#state;
    if (!auth.isEnabled) return this.#refuse("ERR_AUTH_DISABLED", "users and roles do not count", {});
    if (!auth.accepts(command)) return this.#refuse("ERR_AUTH_FAILED", "wrong name or password", {});
    return { kind: "auth-token", revision: store.revision, index };
  }

  #executeAs(command: AsCommand, moment: Moment): KvResult {
    const refusal = this.authority.refuseCommand(command);
    if (refusal !== null) return refusal;
    if (this.#state.alarms.isRaised("corrupt") && touchesKeys(command.command))
      return this.#refuse("ERR_CLUSTER_CORRUPT", "members differ: see the alarms", {});
    return this.execute(command.command, moment);
  }

  #done(): KvResult {
    return { kind: "done", revision: this.#state.store.revision };
  }

  #refuse<Code extends Refused["code"]>(
    code: Code,
    message: string,
    details: Refused<Code>["details"],
  ): Refused<Code> {
    return refused(this.#state.store.revision, code, message, details);
  }
}

/** What may be a write of a client session: all but what is about sessions, and what is not the program's own. */
function isNumbered({ kind }: Command): boolean {
  return !kind.startsWith("session") && kind !== "auth-token" && kind !== "as";
}

/**
 * What etcd refuses its clients while members are known to differ: all that has to do with keys. Leases can be kept alive.
 * The program that embeds the store is told by its members themselves, and decides.
 */
function touchesKeys({ kind }: Command): boolean {
  return TOUCHING_KEYS.has(kind);
}

const TOUCHING_KEYS: ReadonlySet<Command["kind"]> = new Set([
  "put",
  "delete",
  "txn",
  "compact",
  "lease-grant",
  "lease-revoke",
]);
