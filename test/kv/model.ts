import type {
  AlarmCommand,
  Command,
  Compare,
  Operation,
  PutCommand,
  TxnCommand,
} from "../../src/kv/machine/command.ts";
import { decodeCommand } from "../../src/kv/machine/command-codec.ts";
import type { KeyVersion } from "../../src/kv/mvcc/key-history.ts";
import type { KeyRange } from "../../src/kv/mvcc/key-range.ts";
import type { Selection } from "../../src/kv/mvcc/selection.ts";

interface ModelLease {
  readonly ttlMs: number;
  remainingMs: number;
  renewedAt: number;
}

/** What the model says of a command: a result as the machine gives it, or the code of its refusal. */
export type Expected = { readonly kind: string; readonly [field: string]: unknown };

const refusal = (code: string): Expected => ({ kind: "refused", code });

/**
 * The store as one would explain it: a list of every change ever made. Everything is found by walking the list.
 * Nothing here is fast, clever, or shared with the machine.
 */
export class Model {
  changes: KeyVersion[] = [];
  revision = 1;
  compactRevision = -1;
  leases = new Map<string, ModelLease>();
  sessions = new Map<string, Map<number, { readonly write: Uint8Array; readonly answer: Expected }>>();
  alarms: { readonly alarm: string; readonly member: number }[] = [];

  get isOutOfSpace(): boolean {
    return this.alarms.some(({ alarm }) => alarm === "no-space");
  }

  /** The live keys as of a revision, in key order. */
  at(revision: number): KeyVersion[] {
    const keys = new Map<string, KeyVersion>();
    for (const change of this.changes) if (change.modRevision <= revision) keys.set(change.key, change);
    return [...keys.values()]
      .filter(({ version }) => version > 0)
      .sort((left, right) => (left.key < right.key ? -1 : 1));
  }

  range(range: KeyRange, revision = Number.POSITIVE_INFINITY): KeyVersion[] {
    return this.at(revision).filter(({ key }) => within(key, range));
  }

  get(key: string): KeyVersion | undefined {
    return this.at(Number.POSITIVE_INFINITY).find((version) => version.key === key);
  }

  apply(command: Command, index: number): Expected {
    if (this.isOutOfSpace && grows(command)) return refusal("ERR_NO_SPACE");
    switch (command.kind) {
      case "put":
      case "delete":
        return this.#write(() => {
          const code = this.#refuse(command);
          return code !== null ? refusal(code) : this.#run(command);
        });
      case "txn":
        return this.#txn(command);
      case "lease-grant":
        return this.#grant(command.lease, command.ttlMs, index);
      case "lease-revoke": {
        const lease = this.leases.get(command.lease);
        if (lease === undefined) return refusal("ERR_LEASE_NOT_FOUND");
        if (command.renewedAt !== null && command.renewedAt !== lease.renewedAt)
          return refusal("ERR_LEASE_NOT_FOUND");
        const attached = this.at(Number.POSITIVE_INFINITY).filter(
          (version) => version.lease === command.lease,
        );
        this.leases.delete(command.lease);
        return this.#write(() => {
          for (const { key } of attached) this.#change(key, null, "");
          return { kind: "lease-revoke", revision: this.#open(), deleted: attached };
        });
      }
      case "lease-keep-alive": {
        const ttlsMs = command.leases.map((id) => {
          const lease = this.leases.get(id);
          if (lease === undefined) return 0;
          lease.remainingMs = lease.ttlMs;
          lease.renewedAt = index;
          return lease.ttlMs;
        });
        return { kind: "lease-keep-alive", revision: this.revision, ttlsMs };
      }
      case "lease-checkpoint":
        for (const { lease: id, renewedAt, remainingMs } of command.checkpoints) {
          const lease = this.leases.get(id);
          if (lease !== undefined && lease.renewedAt === renewedAt) {
            lease.remainingMs = Math.min(lease.remainingMs, remainingMs);
          }
        }
        return { kind: "done", revision: this.revision };
      case "compact":
        if (command.revision > this.revision) return refusal("ERR_FUTURE_REVISION");
        if (command.revision <= this.compactRevision) return refusal("ERR_COMPACTED");
        this.compactRevision = command.revision;
        return { kind: "done", revision: this.revision };
      case "alarm":
        return this.#alarm(command);
      case "session-open":
        if (this.isOutOfSpace) return refusal("ERR_NO_SPACE");
        this.sessions.set(String(index), new Map());
        return { kind: "session-open", revision: this.revision, session: String(index) };
      case "session-end":
        this.sessions.delete(command.session);
        return { kind: "done", revision: this.revision };
      case "session-write":
        return this.#writeOnce(command, index);
      case "auth":
      case "auth-token":
      case "as":
        throw new Error("users and roles have a model of their own");
    }
  }

  #writeOnce({ session, number, write }: Command & { kind: "session-write" }, index: number): Expected {
    const answers = this.sessions.get(session);
    if (answers === undefined) return refusal("ERR_SESSION_EXPIRED");
    const answered = answers.get(number);
    if (answered !== undefined) {
      return Buffer.compare(answered.write, write) === 0 ? answered.answer : refusal("ERR_INVALID_ARGUMENT");
    }
    const answer = this.apply(decodeCommand(write)!, index);
    if (answer.kind !== "refused") answers.set(number, { write, answer });
    return answer;
  }

  #alarm({ alarm, member, isRaised }: AlarmCommand): Expected {
    if (isRaised && member === null) return refusal("ERR_INVALID_ARGUMENT");
    this.alarms = this.alarms.filter(
      (each) => each.alarm !== alarm || (member !== null && each.member !== member),
    );
    if (isRaised) this.alarms.push({ alarm, member: member! });
    return { kind: "done", revision: this.revision };
  }

  #grant(lease: string, ttlMs: number, index: number): Expected {
    if (ttlMs > 9e12) return refusal("ERR_INVALID_ARGUMENT");
    if (this.leases.has(lease)) return refusal("ERR_LEASE_EXISTS");
    let id = lease;
    if (id === "") {
      id = String(index);
      while (this.leases.has(id)) id += "0";
    }
    const granted = Math.max(500, ttlMs);
    this.leases.set(id, { ttlMs: granted, remainingMs: granted, renewedAt: index });
    return { kind: "lease-grant", revision: this.revision, lease: id, ttlMs: granted };
  }

  #txn(txn: TxnCommand): Expected {
    if (writesTwice(txn.success) || writesTwice(txn.failure)) return refusal("ERR_DUPLICATE_KEY");
    const chosen = this.#choose(txn);
    const code = this.#firstRefusal(chosen.operations);
    if (code !== null) return refusal(code);
    return this.#write(() => this.#runChosen(chosen));
  }

  #choose(txn: TxnCommand): Chosen {
    const succeeded = txn.compares.every((compare) => this.#holds(compare));
    const operations = (succeeded ? txn.success : txn.failure).map((operation) => {
      return operation.kind === "txn" ? this.#choose(operation) : operation;
    });
    return { kind: "chosen", succeeded, operations };
  }

  /** All puts before all reads, as in etcd; in a transaction a put must find what it keeps before its lease counts. */
  #firstRefusal(chosen: Chosen["operations"]): string | null {
    const operations = flat(chosen);
    const puts = operations.flatMap((one) => (one.kind === "put" ? [one] : []));
    const refusals = [
      ...puts.map((put) => this.#refuseKept(put) ?? this.#refusePut(put)),
      ...operations.map((one) => (one.kind === "put" ? null : this.#refuse(one))),
    ];
    return refusals.find((code) => code !== null) ?? null;
  }

  #runChosen(chosen: Chosen): Expected {
    const results = chosen.operations.map((operation) => {
      return operation.kind === "chosen" ? this.#runChosen(operation) : this.#run(operation);
    });
    return { kind: "txn", revision: this.#open(), succeeded: chosen.succeeded, results };
  }

  #holds({ range, target, relation, operand }: Compare): boolean {
    const found = this.range(range);
    if (found.length === 0) {
      if (target === "value") return false;
      return target === "lease" ? relateLeases("", relation, operand) : relate(0, relation, operand);
    }
    return found.every((version) => {
      return target === "lease"
        ? relateLeases(version.lease, relation, operand)
        : relate(version[target], relation, operand);
    });
  }

  #refuse(operation: Exclude<Operation, TxnCommand>): string | null {
    if (operation.kind === "put") return this.#refusePut(operation);
    if (operation.kind === "delete" || operation.revision === null) return null;
    if (operation.revision > this.revision) return "ERR_FUTURE_REVISION";
    return operation.revision < this.compactRevision ? "ERR_COMPACTED" : null;
  }

  #refusePut({ key, value, lease }: PutCommand): string | null {
    if (key === "") return "ERR_INVALID_ARGUMENT";
    if (lease !== null && lease !== "" && !this.leases.has(lease)) return "ERR_LEASE_NOT_FOUND";
    return this.#refuseKept({ key, value, lease });
  }

  #refuseKept({ key, value, lease }: Pick<PutCommand, "key" | "value" | "lease">): string | null {
    const keeps = value === null || lease === null;
    return keeps && this.get(key) === undefined ? "ERR_KEY_NOT_FOUND" : null;
  }

  #run(operation: Exclude<Operation, TxnCommand>): Expected {
    switch (operation.kind) {
      case "put": {
        const previous = this.get(operation.key) ?? null;
        this.#change(operation.key, operation.value ?? previous!.value, operation.lease ?? previous!.lease);
        return { kind: "put", revision: this.#open(), previous };
      }
      case "delete": {
        const deleted = this.range(operation.range);
        for (const { key } of deleted) this.#change(key, null, "");
        return { kind: "delete", revision: this.#open(), deleted };
      }
      case "count": {
        const count = this.range(operation.range, operation.revision ?? undefined).length;
        return { kind: "count", revision: this.#open(), count };
      }
      case "range": {
        const { range, revision, limit, reverse, selection } = operation;
        const found = selected(this.range(range, revision ?? undefined), selection, reverse);
        const versions = limit > 0 ? found.slice(0, limit) : found;
        return { kind: "range", revision: this.#open(), versions, more: versions.length < found.length };
      }
    }
  }

  #write(run: () => Expected): Expected {
    const result = run();
    this.revision = this.#open();
    return result;
  }

  /** The revision that the write in progress will have made. */
  #open(): number {
    return (this.changes.at(-1)?.modRevision ?? 1) > this.revision ? this.revision + 1 : this.revision;
  }

  #change(key: string, value: string | null, lease: string): void {
    const previous = this.get(key);
    const modRevision = this.revision + 1;
    const sub = this.changes.filter((change) => change.modRevision === modRevision).length;
    if (value === null) {
      this.changes.push({ key, value: "", createRevision: 0, modRevision, sub, version: 0, lease: "" });
      return;
    }
    const createRevision = previous?.createRevision ?? modRevision;
    this.changes.push({
      key,
      value,
      createRevision,
      modRevision,
      sub,
      version: (previous?.version ?? 0) + 1,
      lease,
    });
  }
}

interface Chosen {
  readonly kind: "chosen";
  readonly succeeded: boolean;
  readonly operations: readonly (Exclude<Operation, TxnCommand> | Chosen)[];
}

/** What a selection leaves of versions in key order, sorted. */
export function selected(
  versions: readonly KeyVersion[],
  selection: Selection | null,
  reverse: boolean,
): KeyVersion[] {
  if (selection === null) return reverse ? versions.toReversed() : [...versions];
  const { sortBy, minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = selection;
  const left = versions.filter(({ modRevision, createRevision }) => {
    if (maxModRevision > 0 && modRevision > maxModRevision) return false;
    if (maxCreateRevision > 0 && createRevision > maxCreateRevision) return false;
    return modRevision >= minModRevision && createRevision >= minCreateRevision;
  });
  const sign = reverse ? -1 : 1;
  const order = (a: KeyVersion, b: KeyVersion) =>
    a[sortBy] < b[sortBy] ? -sign : a[sortBy] > b[sortBy] ? sign : 0;
  // Equal ones in key order, in both directions.
  return left.sort((a, b) => order(a, b) || (a.key < b.key ? -1 : 1));
}

function grows(command: Command | Operation): boolean {
  if (command.kind === "txn") {
    return [...command.success, ...command.failure].some((one) => one.kind !== "range" && grows(one));
  }
  return command.kind === "put" || command.kind === "lease-grant";
}

export function within(key: string, { from, to }: KeyRange): boolean {
  return key >= from && (to === null || key < to);
}

function relate(actual: string | number, relation: Compare["relation"], operand: string | number): boolean {
  if (relation === "equal") return actual === operand;
  if (relation === "notEqual") return actual !== operand;
  return relation === "less" ? actual < operand : actual > operand;
}

/** Ids of whole numbers are compared as numbers, and none is 0. */
function relateLeases(actual: string, relation: Compare["relation"], operand: string | number): boolean {
  const isEquality = relation === "equal" || relation === "notEqual";
  const areNumbers = [actual, String(operand)].every((id) => /^(-?\d{1,19})?$/.test(id));
  if (isEquality || !areNumbers) return relate(actual, relation, String(operand));
  const [left, right] = [BigInt(actual), BigInt(operand)];
  return relation === "less" ? left < right : left > right;
}

function flat(operations: Chosen["operations"]): Exclude<Operation, TxnCommand>[] {
  return operations.flatMap((one) => (one.kind === "chosen" ? flat(one.operations) : [one]));
}

/** Whether two operations of a branch, or of any branch within, might write the same key; deletes may meet deletes. */
function writesTwice(branch: readonly Operation[]): boolean {
  if (branch.some((one) => one.kind === "txn" && (writesTwice(one.success) || writesTwice(one.failure))))
    return true;
  return branch.some((one, at) =>
    branch.some((other, place) => at !== place && puts(one).some((key) => writes(other, key))),
  );
}

function puts(operation: Operation): string[] {
  if (operation.kind === "put") return [operation.key];
  return operation.kind === "txn" ? [...operation.success, ...operation.failure].flatMap(puts) : [];
}

function writes(operation: Operation, key: string): boolean {
  if (operation.kind === "put") return operation.key === key;
  if (operation.kind === "delete") return within(key, operation.range);
  return (
    operation.kind === "txn" && [...operation.success, ...operation.failure].some((one) => writes(one, key))
  );
}
