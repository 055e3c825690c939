/** How fast the key-value machine applies commands, without log, disk and network. Run: `npx tsx bench/kv.ts` */
import { encodeCommand } from "../src/kv/command-codec.ts";
import { KvMachine } from "../src/kv/kv-machine.ts";

const BATCH = 500;
const COMMANDS = 300_000;
const VALUE = "v".repeat(Number(process.argv[2] ?? 256));

function puts(count: number, keyOf: (at: number) => string): Uint8Array[] {
  return Array.from({ length: count }, (_, at) => {
    return encodeCommand({ kind: "put", key: keyOf(at), value: VALUE, lease: "" });
  });
}

function rate(name: string, machine: KvMachine, commands: readonly Uint8Array[], compactEvery = 0): void {
  const startedAt = performance.now();
  let index = 0;
  while (index < commands.length) {
    const batch = commands.slice(index, index + BATCH);
    // A view of the entry's bytes, as the replica makes one.
    machine.apply(
      batch.map((bytes, at) => ({ index: index + at + 1, term: 1, time: 0, command: bytes.subarray() })),
    );
    index += batch.length;
    if (compactEvery > 0 && index % compactEvery === 0) {
      const command = encodeCommand({ kind: "compact", revision: machine.store.revision - 1000 });
      machine.apply([{ index, term: 1, time: 0, command }]);
    }
  }
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`${name.padEnd(44)} ${Math.round(commands.length / seconds).toLocaleString("en")} per second`);
}

const scattered = (at: number) => `key/${String((at * 7919) % 100_000).padStart(12, "0")}`;
const ascending = (at: number) => `key/${String(at).padStart(12, "0")}`;

rate("warm-up", new KvMachine(), puts(COMMANDS, scattered));
rate("puts on 100,000 keys", new KvMachine(), puts(COMMANDS, scattered));
rate("puts on new keys, ascending", new KvMachine(), puts(COMMANDS, ascending));
rate("puts on 100,000 keys, compacted", new KvMachine(), puts(COMMANDS, scattered), 20_000);

const watched = new KvMachine();
let seen = 0;
for (let at = 0; at < 100; at++) {
  const range = {
    from: `key/${String(at * 1000).padStart(12, "0")}`,
    to: `key/${String((at + 1) * 1000).padStart(12, "0")}`,
  };
  const watcher = watched.watches.watch({ range, from: null }, () => {
    for (let batch = watcher.take(); batch !== null; batch = watcher.take()) {
      if (batch.kind === "changes") seen += batch.changes.length;
    }
  });
}
rate("puts under 100 range watchers", watched, puts(COMMANDS, scattered));
console.log(`${seen.toLocaleString("en")} events seen`);

const startedAt = performance.now();
let bytes = 0;
for (const chunk of watched.snapshot()) bytes += chunk.length;
const snapshotMs = performance.now() - startedAt;
console.log(
  `snapshot of ${watched.store.liveKeys} keys: ${(bytes / 1e6).toFixed(0)} MB in ${snapshotMs.toFixed(0)} ms`,
);
