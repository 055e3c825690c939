import { Breach } from "./breach.ts";

/**
 * Makes what differs from host to host, or from run to run, throw while `run` runs: clocks, chance, timers, locale,
 * time zone, and the parts of Node that tell of the machine. What throws is remembered, since the code under test may
 * catch it. The replacements stand from `poisonEnvironment` to `remove`, and let everything pass outside of `run`.
 */
export interface Poison {
  run<Value>(run: () => Value): Value;
  remove(): void;
}

export function poisonEnvironment(): Poison {
  let isArmed = false;
  let calls: string[] = [];
  const trip = (name: string): void => {
    if (!isArmed) return;
    // Whoever makes stacks readable may look at files and clocks.
    isArmed = false;
    const call = `${name} was called\n${stackHere()}`;
    isArmed = true;
    calls.push(call);
    throw new Breach(call);
  };
  const undo = ENVIRONMENT.flatMap(([holder, names, alias]) => {
    const object = holder();
    if (object === undefined || object === null) return [];
    const held = object as Record<string, unknown>;
    return names.flatMap((name) => replace(held, name, `${alias}${name}`, trip));
  });
  syncBuiltins();

  return {
    run(run) {
      calls = [];
      isArmed = true;
      try {
        const value = run();
        if (calls.length === 0) return value;
      } catch (error) {
        if (calls.length === 0) throw error;
      } finally {
        isArmed = false;
      }
      throw new Breach(calls[0]!);
    },
    remove() {
      for (const each of undo.reverse()) each();
      syncBuiltins();
    },
  };
}

type Trip = (name: string) => void;

const world = globalThis as unknown as Record<string, Record<string, unknown> | undefined>;
const prototypeOf = (name: string) => () => world[name]?.["prototype"];
/** A module of Node's, where this is Node: there is no other way to its functions from portable code. */
const builtin = (name: string) => () =>
  (world["process"]?.["getBuiltinModule"] as ((name: string) => unknown) | undefined)?.(name);

const LOCAL_DATE = [
  ...[
    "getDate",
    "getDay",
    "getFullYear",
    "getHours",
    "getMinutes",
    "getMonth",
    "getTimezoneOffset",
    "getYear",
  ],
  ...["setDate", "setFullYear", "setHours", "setMinutes", "setMonth", "setYear"],
  ...[
    "toString",
    "toDateString",
    "toTimeString",
    "toLocaleString",
    "toLocaleDateString",
    "toLocaleTimeString",
  ],
];
const CHANCE = ["randomUUID", "randomBytes", "randomInt", "randomFill", "randomFillSync", "getRandomValues"];
const FILES = [
  "readFileSync",
  "readdirSync",
  "statSync",
  "existsSync",
  "writeFileSync",
  "openSync",
  "readFile",
];
const HOST = [
  "hostname",
  "uptime",
  "freemem",
  "totalmem",
  "loadavg",
  "cpus",
  "networkInterfaces",
  "userInfo",
];

/** Where the functions are found, their names, and what stands before the name in a message. */
const ENVIRONMENT: readonly (readonly [holder: () => unknown, names: readonly string[], alias: string])[] = [
  [() => world, ["Date", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "fetch"], ""],
  [() => world["Math"], ["random"], "Math."],
  [() => world["performance"], ["now"], "performance."],
  [() => world["crypto"], ["randomUUID", "getRandomValues"], "crypto."],
  [prototypeOf("Date"), LOCAL_DATE, "Date.prototype."],
  [prototypeOf("String"), ["localeCompare", "toLocaleUpperCase", "toLocaleLowerCase"], "String.prototype."],
  [prototypeOf("Number"), ["toLocaleString"], "Number.prototype."],
  [prototypeOf("Array"), ["toLocaleString"], "Array.prototype."],
  [
    () => world["Intl"],
    ["Collator", "DateTimeFormat", "NumberFormat", "PluralRules", "RelativeTimeFormat"],
    "Intl.",
  ],
  [() => world["process"], ["hrtime", "uptime", "nextTick", "memoryUsage", "cpuUsage", "cwd"], "process."],
  [builtin("crypto"), CHANCE, "crypto."],
  [builtin("os"), HOST, "os."],
  [builtin("fs"), FILES, "fs."],
];

/** Replaces one function by one that trips first, and returns how to undo it; nothing where it cannot be replaced. */
function replace(holder: Record<string, unknown>, name: string, alias: string, trip: Trip): (() => void)[] {
  const before = Object.getOwnPropertyDescriptor(holder, name);
  const original = holder[name];
  if (typeof original !== "function" || before?.configurable === false) return [];
  const value = name === "Date" ? poisonedDate(original, trip) : poisoned(original, alias, trip);
  Object.defineProperty(holder, name, { value, configurable: true, writable: true, enumerable: true });
  return [
    () => {
      if (before === undefined) delete holder[name];
      else Object.defineProperty(holder, name, before);
    },
  ];
}

function poisoned(original: object, alias: string, trip: Trip): object {
  return new Proxy(original, {
    apply(target, self, args) {
      trip(alias);
      return Reflect.apply(target as () => unknown, self, args);
    },
    construct(target, args, newTarget) {
      trip(`new ${alias}`);
      return Reflect.construct(target as () => unknown, args, newTarget) as object;
    },
    get(target, property, receiver) {
      // process.hrtime.bigint is a function of a function.
      const value: unknown = Reflect.get(target, property, receiver);
      return property === "bigint" ? poisoned(value as object, `${alias}.bigint`, trip) : value;
    },
  });
}

/** A date made from a number is data; one made from nothing is the present, and one made from parts is local. */
function poisonedDate(original: object, trip: Trip): object {
  return new Proxy(original, {
    apply(target, self, args) {
      trip("Date()");
      return Reflect.apply(target as () => unknown, self, args);
    },
    construct(target, args, newTarget) {
      if (args.length === 0) trip("new Date()");
      if (args.length > 1) trip("new Date(year, month, …), which depends on the time zone,");
      return Reflect.construct(target as () => unknown, args, newTarget) as object;
    },
    get(target, property, receiver) {
      const value: unknown = Reflect.get(target, property, receiver);
      return property === "now" ? poisoned(value as object, "Date.now", trip) : value;
    },
  });
}

/** Lets `import { randomUUID } from "node:crypto"` see what was replaced. */
function syncBuiltins(): void {
  const module = builtin("module")() as { syncBuiltinESMExports?(): void } | undefined;
  module?.syncBuiltinESMExports?.();
}

/** Below this function, `trip` and the proxy's handler. */
const OWN_FRAMES = 3;

function stackHere(): string {
  const frames = (new Error().stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return frames.slice(OWN_FRAMES, OWN_FRAMES + 3).join("\n");
}
