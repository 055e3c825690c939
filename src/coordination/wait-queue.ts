import { assert } from "../base/assert.ts";
import { invalidArgument, QuorateError } from "../base/errors.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import type { CallOptions } from "../replica/calls/call.ts";
import type { CallLimit } from "./call-limit.ts";
import { untilDeleted } from "./key-lifetime.ts";
import { leaseText } from "./lease-session.ts";
import type { LeasedKey } from "./leased-key.ts";
import {
  changesAfter,
  followPrefix,
  type PrefixSnapshot,
  prefixSnapshot,
  readPrefix,
} from "./prefix-snapshot.ts";
import type { RecipeKv } from "./recipe-kv.ts";

/** Of those ahead in a line, first come first, the one that must leave before our turn can come. */
export type Blocker = (ahead: readonly KvEntry<string>[]) => KvEntry<string> | undefined;

/** Everybody ahead must leave. The last of them leaves last, or nearly so. */
export const everybody: Blocker = (ahead) => ahead.at(-1);

/**
 * Those who wait for something or have it, in the order in which they came: keys `name/<lease>`, by create revision, as
 * etcd's own recipes lay them out. Each waits for one key to go, so that a departure wakes one and not all.
 */
export class WaitQueue {
  readonly kv: RecipeKv<string>;
  readonly prefix: string;

  constructor(kv: RecipeKv<unknown>, name: string) {
    this.kv = kv.namespace("", { values: "utf8" });
    this.prefix = `${checkedName(name)}/`;
  }

  /** Puts the stake's key at the end of the line. The picture is the one of the same revision. */
  async join(stake: LeasedKey, value: string, options: CallOptions): Promise<PrefixSnapshot<string>> {
    const joined = await this.kv
      .txn()
      .do((op) => [
        op.put(stake.key, value, { lease: stake.session.lease }),
        op.range({ prefix: this.prefix }),
      ])
      .commit(options);
    assert(joined.ok, "a transaction without compares always runs");
    return prefixSnapshot(joined.revision, joined.results[1]);
  }

  /** Who stands in line now. */
  async waiters(options: CallOptions): Promise<readonly KvEntry<string>[]> {
    return this.in(await readPrefix(this.kv, this.prefix, options));
  }

  /** Who stood in line when the picture was taken. */
  in({ entries }: PrefixSnapshot<string>): readonly KvEntry<string>[] {
    return inLine(this.prefix, [...entries.values()]);
  }

  /** Resolves when nobody who blocks us stands ahead any more. Throws ERR_LOCK_LOST when our key has gone. */
  async reachFront(
    stake: LeasedKey,
    joined: PrefixSnapshot<string>,
    blocker: Blocker,
    limit: CallLimit,
  ): Promise<void> {
    const { createRevision } = joined.entries.get(stake.key)!;
    for (let picture = joined; ; picture = await readPrefix(this.kv, this.prefix, limit.step)) {
      const standing = this.in(picture);
      const at = standing.findIndex((one) => one.key === stake.key && one.createRevision === createRevision);
      if (at < 0) throw stake.lost("its key was deleted");
      const blocking = blocker(standing.slice(0, at));
      if (blocking === undefined) return;
      await untilDeleted(this.kv, { ...blocking, seenAt: picture.revision }, limit.signal);
    }
  }

  /** Resolves at the first revision, from the picture's on, at which the claim held. */
  async until(
    picture: PrefixSnapshot<string>,
    claim: (standing: number) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    if (claim(this.in(picture).length)) return;
    for await (const later of changesAfter(picture, this.kv, this.prefix, signal)) {
      if (claim(this.in(later).length)) return;
    }
    throw new QuorateError("ERR_CLOSED", "the store is closed", {});
  }

  /** Who stands in line, now and whenever that changes. Ends when the store is closed. */
  async *follow(
    signal: AbortSignal | undefined,
  ): AsyncGenerator<readonly KvEntry<string>[], void, undefined> {
    for await (const picture of followPrefix(this.kv, this.prefix, signal)) yield this.in(picture);
  }
}

/**
 * Those of the entries that belong to a line, first come first. A key belongs to it if its name says which lease it
 * hangs on: whatever else lies under the same prefix is somebody's data.
 */
export function inLine<Value>(prefix: string, entries: readonly KvEntry<Value>[]): KvEntry<Value>[] {
  return entries
    .filter(({ key, lease }) => {
      if (lease === undefined) return false;
      const own = prefix + leaseText(lease);
      return key === own || key.startsWith(`${own}-`);
    })
    .sort((left, right) => left.createRevision - right.createRevision);
}

/** Before anything is held for it. */
export function checkWork(work: unknown): void {
  if (typeof work === "function") return;
  throw invalidArgument("work", work, "the first argument is a function that runs while something is held");
}

export function checkedName(name: string): string {
  if (typeof name === "string" && name !== "") return name;
  throw invalidArgument("name", name, "a name must be text, and not empty");
}
