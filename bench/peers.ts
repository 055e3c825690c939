/**
 * How fast are durable puts beside what a Node program would use otherwise? One process, one member, each put on the disk
 * before it is answered: lmdb (flushed), Redis with `appendfsync always` under ioredis, antietcd with its default of
 * writing all it has at each put, better-sqlite3 in WAL mode with full syncs. Keys of 8 bytes among 10,000, values of 256.
 *
 *     npm run bench -- peers [--seconds 3] [--rounds 5] [--only ours,redis] [--json]
 *
 * None of the others keeps history or watches as part of the put, and only antietcd can be replicated by agreement.
 */
import { join } from "node:path";
import { open } from "../src/open.ts";
import { type Measurement, report } from "./report.ts";
import { isInterrupted } from "./support/interrupt.ts";
import { closedLoop, loadCost } from "./support/load.ts";
import { choiceOption, numberOption, progress } from "./support/options.ts";
import { alternate, type Contender } from "./support/rounds.ts";
import { end, freePort, isInstalled, scratchDirectory, startServer, until } from "./support/scratch.ts";
import { KEYS, keyAt, scattered, VALUE } from "./support/shape.ts";

const milliseconds = numberOption("seconds", 3) * 1000;
const rounds = numberOption("rounds", 5);

/** Never what the key has already: antietcd would have nothing to write. */
const VALUES = Array.from({ length: 17 }, (_, at) => String(at).padEnd(VALUE.length, "v"));
const valueAt = (at: number): string => VALUES[at % VALUES.length]!;

/** Something that keeps puts. */
interface Peer {
  readonly name: string;
  /** Where it could not stand as many keys or callers as the others. */
  readonly most?: { readonly keys: number; readonly callers: number };
  put(key: string, value: string): Promise<unknown>;
  close(): Promise<unknown>;
}

const PEERS: Record<string, () => Promise<Peer | string>> = { ours, redis, lmdb, sqlite, antietcd };
const only = choiceOption("only", Object.keys(PEERS));

async function ours(): Promise<Peer> {
  const store = await open(scratchDirectory());
  await store.ready();
  return { name: "ours", put: (key, value) => store.put(key, value), close: () => store.close() };
}

async function lmdb(): Promise<Peer | string> {
  const found = await load("lmdb");
  if (found === null) return "lmdb is not installed";
  const database = found.open({ path: join(scratchDirectory(), "lmdb"), mapSize: 1024 ** 3 });
  return {
    name: "lmdb, flushed",
    put: async (key, value) => {
      await database.put(key, value);
      await database.flushed;
    },
    close: () => database.close(),
  };
}

async function redis(): Promise<Peer | string> {
  if (!(await isInstalled("redis-server", "--version"))) return "redis-server is not installed";
  const { Redis } = await import("ioredis");
  const [port, dir] = [await freePort(), scratchDirectory()];
  const settings = ["--save", "", "--appendonly", "yes", "--appendfsync", "always", "--dir", dir];
  const args = ["--bind", "127.0.0.1", "--port", String(port), ...settings];
  const server = startServer("redis-server", args, join(dir, "log"));
  const client = new Redis({ port, host: "127.0.0.1", lazyConnect: true });
  client.on("error", () => {});
  await until("Redis answering", async () => (await client.ping()) === "PONG");
  return {
    name: "Redis, appendfsync always, ioredis",
    put: (key, value) => client.set(key, value),
    close: () => {
      client.disconnect();
      return end(server, "SIGTERM");
    },
  };
}

async function antietcd(): Promise<Peer | string> {
  const found = await load("antietcd");
  if (found === null) return "antietcd is not installed";
  const server = new found.default({ data: join(scratchDirectory(), "data.gz"), port: await freePort() });
  await server.start();
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return {
    name: "antietcd, embedded, 100 keys",
    // Each put writes and compresses all there is.
    most: { keys: 100, callers: 100 },
    put: (key, value) => server.put({ key: base64(key), value: base64(value) }),
    close: () => server.stop(),
  };
}

async function sqlite(): Promise<Peer | string> {
  const found = await load("better-sqlite3");
  if (found === null) return "better-sqlite3 is not installed";
  const database = new found.default(join(scratchDirectory(), "sqlite"));
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  database.exec("CREATE TABLE entries (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID");
  const statement = database.prepare("INSERT OR REPLACE INTO entries VALUES (?, ?)");
  return {
    name: "better-sqlite3, WAL, full, a put at a time",
    put: async (key, value) => statement.run(key, value),
    close: async () => database.close(),
  };
}

/** A package that may be missing, and whose types do not matter here. */
// biome-ignore lint/suspicious/noExplicitAny: each of them has an interface of its own
function load(name: string): Promise<any> {
  return import(name).catch(() => null);
}

async function openPeers(): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (const [name, openPeer] of Object.entries(PEERS)) {
    if (!only.includes(name)) continue;
    const peer = await openPeer();
    if (typeof peer === "string") progress(`without ${name}: ${peer}`);
    else peers.push(peer);
  }
  return peers;
}

/** What all of them hold from the start. */
async function fill(peers: readonly Peer[]): Promise<void> {
  for (const { name, put, most } of peers) {
    const keys = most?.keys ?? KEYS;
    progress(`${keys} keys into ${name}`);
    let next = 0;
    const filler = async (): Promise<void> => {
      while (next < keys) await put(keyAt(next++), VALUE);
    };
    await Promise.all(Array.from({ length: most?.callers ?? 1000 }, filler));
  }
}

async function compare(peers: readonly Peer[], callers: number): Promise<Measurement[]> {
  progress(`puts, ${callers} at a time`);
  const contenders = peers
    .filter(({ most }) => callers <= (most?.callers ?? callers))
    .map(({ name, put, most }): Contender => {
      const key = most === undefined ? scattered : (at: number) => keyAt(at % most.keys);
      return { name, run: (length) => closedLoop(callers, length, (at) => put(key(at), valueAt(at))) };
    });
  const [first, ...others] = await alternate(contenders, rounds, milliseconds);
  if (first === undefined) return [];
  const one = first.measurement(`put@${callers}, ${first.name}`, "per second");
  const rest = others.map((each) => each.measurement(`put@${callers}, ${each.name}`, "per second", first));
  return [one, ...rest];
}

const peers = await openPeers();
await fill(peers);
const measurements: Measurement[] = [];
for (const callers of [1, 100, 1000])
  if (!isInterrupted()) measurements.push(...(await compare(peers, callers)));
for (const peer of peers) await peer.close();
report("How fast are durable puts beside what a Node program would use otherwise?", [
  ...measurements,
  { name: "the load itself", value: await loadCost(100), unit: "µs CPU per call" },
]);
process.exit();
