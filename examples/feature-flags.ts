/**
 * Feature flags that every process has in memory, and that change everywhere when somebody changes them.
 * Run it: npx tsx examples/feature-flags.ts
 */
import { once } from "node:events";
import { open, type Store } from "quorate";
import { loopbackPeers } from "./loopback.ts";

interface Flag {
  readonly enabled: boolean;
  readonly percent?: number;
}

/** Reads are plain look-ups in a map; a watch keeps it up to date. */
class Flags extends EventTarget {
  readonly #flags = new Map<string, Flag>();

  static async follow(store: Store<unknown>): Promise<Flags> {
    const flags = new Flags();
    // What there is, and the revision at which it was so: the watch goes on from there, without a gap.
    const { results, revision } = await store
      .txn()
      .do((op) => [op.range({ prefix: "flags/" })])
      .commit();
    for (const { key, value } of results[0] ?? []) flags.#flags.set(key, value as Flag);

    const watch = store.watch({ prefix: "flags/", from: revision + 1 });
    watch.on("put", ({ key, value }) => flags.#changed(() => flags.#flags.set(key, value as Flag)));
    watch.on("delete", (key) => flags.#changed(() => flags.#flags.delete(key)));
    return flags;
  }

  isEnabled(name: string): boolean {
    return this.#flags.get(`flags/${name}`)?.enabled ?? false;
  }

  #changed(change: () => void): void {
    change();
    this.dispatchEvent(new Event("change"));
  }
}

const peers = await loopbackPeers("n1", "n2", "n3");
const members = await Promise.all(Object.keys(peers).map((name) => open({ name, peers, values: "json" })));
await members[0]!.put("flags/dark-mode", { enabled: true });

const flags = await Promise.all(members.map(Flags.follow));
console.log(`dark mode: ${flags.map((each) => each.isEnabled("dark-mode")).join(" ")}`);

const changed = Promise.all(flags.map((each) => once(each, "change")));
await members[1]!.put("flags/new-search", { enabled: true, percent: 10 });
await changed;
console.log(`new search: ${flags.map((each) => each.isEnabled("new-search")).join(" ")}`);

await Promise.all(members.map((member) => member.close()));
