import type { Store, WatchEvent } from "quorate";
import type { KubeObject } from "../objects.ts";
import { keyOf, REGISTRY } from "../resources.ts";
import { readEntry } from "./api-server.ts";
import { list } from "./list.ts";

/** What happened to an object. Each that is there at the beginning counts as added. */
export interface Change<T extends KubeObject> {
  readonly type: "added" | "modified" | "deleted";
  readonly key: string;
  /** The object; of a deleted one, what it was last. */
  readonly object: T;
}

/**
 * Lists the objects of a resource, then watches from the revision after the list: nothing is missed and nothing comes
 * twice. Goes on until `signal` is aborted, and rejects with its reason then. This is how each role learns of the
 * world, and why it does not matter to a role how often it is started.
 */
export async function* follow<T extends KubeObject>(
  store: Store<unknown>,
  plural: string,
  signal: AbortSignal,
): AsyncGenerator<Change<T>> {
  const { objects, revision } = await list<T>(store, plural);
  for (const object of objects) yield { type: "added", key: keyOf(object), object };

  const watch = store.watch({ prefix: `${REGISTRY}${plural}/`, from: revision + 1, prev: true, signal });
  for await (const event of watch) yield changeOf<T>(event);
}

function changeOf<T extends KubeObject>(event: WatchEvent<unknown>): Change<T> {
  if (event.type === "put") {
    const { key, createRevision, modRevision } = event.entry;
    const type = createRevision === modRevision ? "added" : "modified";
    return { type, key, object: readEntry<T>(event.entry) };
  }
  // The store keeps what was there before for as long as nobody compacts it away.
  if (event.prev === undefined) throw new Error(`nobody knows what ${event.key} was`);
  return { type: "deleted", key: event.key, object: readEntry<T>(event.prev) };
}
