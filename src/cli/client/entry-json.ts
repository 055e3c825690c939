import type { KvEntry } from "../../kv/keyspace.ts";
import type { WatchEvent } from "../../kv/watch.ts";

export function entryAsJson(entry: KvEntry<string>): KvEntry<string> {
  return { ...entry };
}

export function eventAsJson(event: WatchEvent<string>): unknown {
  const { type, revision, prev } = event;
  const what = event.type === "put" ? { entry: event.entry } : { key: event.key };
  return { type, revision, ...what, ...(prev === undefined ? {} : { prev }) };
}
