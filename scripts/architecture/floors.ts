/**
 * The table of floors: what each folder of `src/` stands on. A floor may import from the floors named here and from
 * whatever these stand on, types included. `root` is `open.ts` and `index.ts`, directly in `src/`.
 */
export const FLOORS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  http2: ["base"],
  log: ["base"],
  raft: ["log"],
  storage: ["raft"],
  transport: ["raft"],
  replica: ["storage", "transport"],
  kv: ["replica"],
  coordination: ["kv"],
  root: ["coordination"],
  wire: ["kv"],
  etcd: ["root", "wire", "http2"],
  client: ["root", "wire"],
  testkit: ["root"],
  cli: ["etcd", "client", "testkit"],
};

/** The only files that import a package at run time. */
export const PACKAGES: Readonly<Record<string, (path: string) => boolean>> = {
  msgpackr: (path) => path === "base/codec.ts",
  "sorted-btree": (path) => path === "kv/mvcc/ordered-map.ts",
  vitest: (path) => path === "testkit/runners/vitest.ts",
  "fast-check": (path) => floorOf(path) === "testkit",
  lmdb: (path) => path === "storage/lmdb-storage.ts",
  "@grpc/grpc-js": (path) => ["etcd", "client"].includes(floorOf(path)),
};

/** Packages whose types may be imported anywhere: they leave no trace at run time. */
export const TYPE_PACKAGES: readonly string[] = ["typed-emitter"];

/** Floors and rooms whose files are pure: synchronous and deterministic. */
export const PURE_FOLDERS: readonly string[] = ["base", "log", "raft", "kv/machine", "kv/mvcc", "kv/auth"];

/** Files of the pure folders that belong to the portable ring, each with its reason. */
export const PORTABLE_FILES: Readonly<Record<string, string>> = {
  "base/clock.ts": "it is the clock",
  "base/system-time.ts": "what the clock is made of",
  "base/uncaught.ts":
    "surfaces what was thrown by a microtask of the system's own, which no test has replaced",
  "base/emitter.ts": "lets what listeners throw surface",
  "base/surplus.ts": "refuses a call in the way in which the call would have failed, by a promise too",
};

/** Words that a file may use although its ring forbids them, each with its reason. */
export const ALLOWED_WORDS: Readonly<Record<string, { words: readonly string[]; reason: string }>> = {
  "base/bytes.ts": { words: ["Buffer"], reason: "takes the quicker way to the same text where there is one" },
  "base/checksum.ts": {
    words: ["globalThis"],
    reason: "asks for Node's own crc32, which gives the same sums",
  },
  "base/uncaught.ts": {
    words: ["globalThis", "process"],
    reason: "lets what an application's listeners throw surface in its process",
  },
  "base/clock.ts": { words: ["setTimeout", "clearTimeout", "setImmediate"], reason: "it is the clock" },
  "base/system-time.ts": {
    words: [
      "globalThis",
      "process",
      "queueMicrotask",
      "setTimeout",
      "clearTimeout",
      "setInterval",
      "clearInterval",
      "setImmediate",
    ],
    reason: "takes the system's timers before a test replaces them",
  },
  "storage/disk/disk-storage.ts": {
    words: ["globalThis"],
    reason: "mints the id of a new store, unless it is handed a way to",
  },
  "testkit/laws/poison.ts": {
    words: ["globalThis"],
    reason: "replaces what a state machine must not ask, to see whether it asks",
  },
  "testkit/runners/vitest.ts": {
    words: ["globalThis"],
    reason: "asks the environment, where there is one, for a seed and a budget",
  },
  "testkit/runners/jest.ts": {
    words: ["globalThis"],
    reason: "takes jest's global `test`, and asks the environment for a seed and a budget",
  },
  "testkit/suites/transport.ts": {
    words: ["performance", "setTimeout"],
    reason: "waits for real sockets, in real time",
  },
};

/** The machine's clock, chance, console and network, under all their names. */
export const WORLD_WORDS: ReadonlySet<string> = new Set([
  ...["Date", "performance", "Temporal", "Math.random", "crypto"],
  ...["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"],
  ...["process", "globalThis", "Buffer", "console", "fetch", "require"],
  ...["WeakRef", "FinalizationRegistry"],
]);

/** Timers, which fake ones of a test may stand in for. */
export const TIMER_WORDS: ReadonlySet<string> = new Set([
  ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask"],
]);

/** What lets other code run in between. */
export const ASYNC_WORDS: ReadonlySet<string> = new Set([
  ...["async", "await", "Promise", "PromiseLike", "queueMicrotask"],
  ...["AsyncIterable", "AsyncIterator", "AsyncGenerator", "AsyncIterableIterator"],
]);

/**
 * - `pure`: synchronous and deterministic.
 * - `portable`: sees the world only through Files, Transport, Clock and Random.
 * - `machine`: may use Node.
 * - `list`: export lists and the composition root, which put parts of any ring together.
 */
export type Ring = "pure" | "portable" | "machine" | "list";

export function floorOf(path: string): string {
  const folder = path.split("/")[0]!;
  return folder.endsWith(".ts") ? "root" : folder;
}

export function ringOf(path: string): Ring {
  const name = path.split("/").at(-1)!;
  const floor = floorOf(path);
  if (name === "index.ts" || floor === "root") return "list";
  if (["http2", "wire", "etcd", "client", "cli"].includes(floor) || /^(node|tcp|http|tls|lmdb)-/.test(name))
    return "machine";
  if (PURE_FOLDERS.some((folder) => path.startsWith(`${folder}/`)) && !(path in PORTABLE_FILES))
    return "pure";
  return "portable";
}

/** Every floor below `floor`. */
export function floorsBelow(floor: string): ReadonlySet<string> {
  const below = new Set<string>();
  const descend = (from: string): void => {
    for (const next of FLOORS[from] ?? []) {
      below.add(next);
      descend(next);
    }
  };
  descend(floor);
  return below;
}
