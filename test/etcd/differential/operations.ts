import type { Random } from "../../../src/base/random.ts";
import {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  type TxnRequest,
} from "../../../src/wire/kv-messages.ts";
import { METHODS, type Method } from "../../../src/wire/services.ts";

type MethodName = keyof typeof METHODS;

/** A call to be made of both, legal or not. */
export interface Call {
  readonly name: MethodName;
  readonly method: Method<unknown, unknown>;
  readonly request: object;
}

const KEYS = ["a", "ab", "abc", "b", "b\0", "c", "d/1", "d/2", "\xff", "\xff\xff"];
const ENDS = ["", "", "", "b", "c", "d0", "zz", "\0", "\xff", "a"];
const LEASES = ["", "", "", "11", "12", "13", "-14", "99"];
const LINES = ["line/1", "own/11", "own/12"];

/** Draws calls that both servers must answer alike; the revision of the store steers what is asked for. */
export class Operations {
  readonly #random: Random;
  /** The revision that both are at, as far as answers have told. */
  revision = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): Call {
    const chance = this.#random.fraction();
    if (chance < 0.3) return call("range", this.#range());
    if (chance < 0.5) return call("put", this.#put());
    if (chance < 0.6) return call("deleteRange", this.#delete(true));
    if (chance < 0.86) return call("txn", this.#txn(2));
    if (chance < 0.87) return call("compact", { revision: this.#revision(), physical: this.#flip() });
    if (chance < 0.95) return this.#leaseCall();
    if (chance < 0.98) return this.#recipeCall();
    return this.#pick([
      () => call("alarm", { action: 0, alarm: this.#below(3) }),
      () => call("defragment", {}),
      () => call("authenticate", { name: "root", password: "x" }),
      () => call("moveLeader", { targetId: 7n }),
      () => call("memberRemove", { id: 7n }),
      () => call("memberPromote", { id: 7n }),
      () => call("memberUpdate", { id: 7n, peerUrls: ["http://127.0.0.1:1"] }),
      () => call("memberAdd", { peerUrls: this.#pick([[], ["nowhere"], ["127.0.0.1:1"]]) }),
    ])();
  }

  #range(): RangeRequest {
    const sortTarget = this.#rarely(0.3) ? this.#below(5) : 0;
    // A limit without an order cuts before it sorts in etcd: a quirk that nobody wants.
    const sortOrder = sortTarget === 0 ? this.#below(3) : 1 + this.#below(2);
    return RangeRequest.of({
      key: this.#rarely(0.02) ? "" : this.#key(),
      rangeEnd: this.#pick(ENDS),
      limit: this.#rarely(0.4) ? this.#below(5) - 1 : 0,
      revision: this.#rarely(0.3) ? this.#revision() : 0,
      sortTarget,
      sortOrder,
      serializable: this.#flip(),
      keysOnly: this.#rarely(0.1),
      countOnly: this.#rarely(0.1),
      minModRevision: this.#bound(),
      maxModRevision: this.#bound(),
      minCreateRevision: this.#bound(),
      maxCreateRevision: this.#bound(),
    });
  }

  #put(): PutRequest {
    const ignoreValue = this.#rarely(0.08);
    const ignoreLease = this.#rarely(0.08);
    return PutRequest.of({
      key: this.#rarely(0.02) ? "" : this.#key(),
      value: ignoreValue && this.#flip() ? "" : this.#value(),
      lease: ignoreLease && this.#flip() ? "" : this.#pick(LEASES),
      prevKv: this.#flip(),
      ignoreValue,
      ignoreLease,
    });
  }

  #delete(mayBeOpen: boolean): DeleteRangeRequest {
    const ends = mayBeOpen ? ENDS : ENDS.filter((end) => end !== "\0");
    return DeleteRangeRequest.of({
      key: this.#rarely(0.02) ? "" : this.#key(),
      rangeEnd: this.#pick(ends),
      prevKv: this.#flip(),
    });
  }

  #txn(depth: number): TxnRequest {
    const most = this.#rarely(0.005) ? 140 : 4;
    return {
      compare: this.#list(3, () => this.#compare()),
      success: this.#branch(most, depth),
      failure: this.#branch(4, depth),
    };
  }

  /** One nested transaction at most: etcd does not see what two of them write twice. */
  #branch(most: number, depth: number): RequestOp[] {
    const branch = this.#list(most, () => this.#operation());
    if (depth > 0 && this.#rarely(0.15)) branch.push(RequestOp.of({ requestTxn: this.#txn(depth - 1) }));
    return branch;
  }

  #operation(): RequestOp {
    const chance = this.#random.fraction();
    if (chance < 0.01) return RequestOp.of({});
    if (chance < 0.4) {
      const range = this.#range();
      // In a transaction that writes, etcd takes a negative revision for a compacted one.
      return RequestOp.of({ requestRange: { ...range, revision: Math.max(0, range.revision) } });
    }
    if (chance < 0.75) return RequestOp.of({ requestPut: this.#put() });
    return RequestOp.of({ requestDeleteRange: this.#delete(false) });
  }

  #compare(): Compare {
    const number = this.#rarely(0.4) ? this.#revision() : this.#below(3);
    return Compare.of({
      key: this.#rarely(0.02) ? "" : this.#key(),
      rangeEnd: this.#rarely(0.2) ? this.#pick(ENDS) : "",
      result: this.#below(4),
      target: this.#below(5),
      ...this.#pick([
        { version: number },
        { createRevision: number },
        { modRevision: number },
        { value: this.#value() },
        { lease: this.#pick(LEASES) },
      ]),
    });
  }

  #leaseCall(): Call {
    const id = this.#pick(LEASES.slice(3));
    return this.#pick([
      () => call("leaseGrant", { id, ttl: this.#pick([3_000, 9_000_000, 10_000_000_000]) }),
      () => call("leaseGrant", { id, ttl: 5_000 }),
      () => call("leaseRevoke", { id }),
      () => call("leaseTimeToLive", { id, keys: this.#flip() }),
      () => call("leaseLeases", {}),
    ])();
  }

  #recipeCall(): Call {
    const name = this.#pick(LINES);
    const lease = this.#pick(["11", "12"]);
    const key = `${name}/${BigInt(lease).toString(16)}`;
    const leader = { name, key, rev: this.#revision(), lease };
    const own = { name: `own/${lease}`, lease, value: this.#value() };
    return this.#pick([
      () => call("lock", own),
      () => call("campaign", own),
      () => call("unlock", { key }),
      () => call("proclaim", { leader: this.#rarely(0.1) ? null : leader, value: this.#value() }),
      () => call("resign", { leader: this.#rarely(0.1) ? null : leader }),
      () => call("leader", { name }),
    ])();
  }

  #key(): string {
    return this.#pick(KEYS);
  }

  #value(): string {
    return this.#pick(["", "1", "2", "x", "\0\xff"]);
  }

  #revision(): number {
    if (this.#rarely(0.1)) return this.#pick([-1, 0, 1, this.revision + 1, this.revision + 5]);
    return Math.max(1, this.revision - this.#below(40));
  }

  #bound(): number {
    return this.#rarely(0.05) ? this.#revision() : 0;
  }

  #list<Item>(most: number, make: () => Item): Item[] {
    return Array.from({ length: this.#below(most + 1) }, make);
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!;
  }

  #below(end: number): number {
    return this.#random.between(0, end - 1);
  }

  #flip(): boolean {
    return this.#rarely(0.5);
  }

  #rarely(share: number): boolean {
    return this.#random.fraction() < share;
  }
}

export function call(name: MethodName, request: object): Call {
  return { name, method: METHODS[name] as unknown as Method<unknown, unknown>, request };
}
