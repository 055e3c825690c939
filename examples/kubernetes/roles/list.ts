import type { KvEntry, Store } from "quorate";
import type { KubeObject } from "../objects.ts";
import { REGISTRY } from "../resources.ts";
import { readEntry } from "./api-server.ts";
import { retry } from "./retry.ts";

const PAGE_OBJECTS = 500;

export interface List<T extends KubeObject> {
  readonly objects: readonly T[];
  /** The revision that all of them were read at. */
  readonly revision: number;
}

/** All objects of a resource as they were at one moment, read page by page at the same revision. */
export async function list<T extends KubeObject>(store: Store<unknown>, plural: string): Promise<List<T>> {
  const { entries, revision } = await readPages(store, `${REGISTRY}${plural}/`);
  return { objects: entries.map((entry) => readEntry<T>(entry)), revision };
}

/** How many objects there are of each kind. */
export async function countKinds(store: Store<unknown>): Promise<Record<string, number>> {
  const { entries } = await readPages(store, REGISTRY);
  const counts: Record<string, number> = {};
  for (const entry of entries) {
    const { kind } = entry.value as KubeObject;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

async function readPages(store: Store<unknown>, prefix: string) {
  const revision = await currentRevision(store, prefix);
  const entries: KvEntry<unknown>[] = [];
  for (;;) {
    const last = entries.at(-1);
    const behind = last === undefined ? {} : { gt: last.key };
    const scan = { prefix, ...behind, limit: PAGE_OBJECTS, revision };
    const page = await retry(() => store.range(scan).toArray());
    entries.push(...page);
    if (page.length < PAGE_OBJECTS) return { entries, revision };
  }
}

/** A transaction that changes nothing still tells the revision that it saw. */
async function currentRevision(store: Store<unknown>, key: string): Promise<number> {
  const read = store.txn().do((op) => [op.get(key)]);
  return (await retry(() => read.commit())).revision;
}
