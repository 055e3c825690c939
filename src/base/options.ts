import { invalidArgument, type QuorateError } from "./errors.ts";
import { nearest } from "./nearest.ts";

/** What the value of one option must be. */
export interface Demand<Value> {
  /** Completes "must be": "a whole number, 0 or more". */
  readonly says: string;
  readonly isMet: (value: unknown) => value is Value;
  /**
   * `optional`: `undefined` stands for leaving the option out. `definite`: `undefined` is refused, since leaving the option
   * out widens what the call does, and nobody means that by a variable that happens to be unset. `required`: must be given.
   */
  readonly presence: "optional" | "definite" | "required";
}

/** A demand for every option of a call: a forgotten one is a compile error. */
export type Demands<Options> = DemandsFor<Options, keyof Options>;

type DemandsFor<Options, Name extends keyof Options> = {
  readonly [Each in Name]-?: Demand<Exclude<Options[Each], undefined>>;
};

/** The default of every `options` parameter: one object, so that a call without options allocates none. */
export const NO_OPTIONS: Readonly<Record<never, never>> = Object.freeze({});

/**
 * The options that one call takes. Stands next to their type. Refuses what the call does not know, since a mistyped
 * option that is ignored makes a call do something else than it says.
 */
export class OptionTable<Options extends object> {
  readonly demands: Demands<Options>;
  readonly #call: string;
  readonly #byName: ReadonlyMap<string, Demand<unknown>>;
  readonly #required: readonly string[];
  readonly #path: string;

  /** `call` is the name that users know it by; `path` is put before the names of nested options in errors. */
  constructor(call: string, demands: Demands<Options>, path = "") {
    this.demands = demands;
    this.#call = call;
    this.#byName = new Map(Object.entries<Demand<unknown>>(demands));
    this.#required = [...this.#byName]
      .filter(([, { presence }]) => presence === "required")
      .map(([name]) => name);
    this.#path = path;
  }

  get names(): Iterable<string> {
    return this.#byName.keys();
  }

  /** Throws ERR_INVALID_ARGUMENT, naming the option, and the nearest known one for an unknown name. */
  check(given: unknown): void {
    if (given === NO_OPTIONS && this.#required.length === 0) return;
    if (!isPlainObject(given)) throw this.#misplaced(given);
    for (const name in given) this.#checkOption(name, given);
    for (const name of this.#required) {
      if (given[name] === undefined)
        throw this.#refusal(name, undefined, `${this.#call} needs ${this.#path}${name}`);
    }
  }

  #checkOption(name: string, given: Readonly<Record<string, unknown>>): void {
    const demand = this.#byName.get(name);
    if (demand === undefined) {
      // What a library has added to every object of the program is nobody's option.
      if (Object.hasOwn(given, name)) throw this.#unknown(name, given[name]);
      return;
    }
    const value = given[name];
    if (value === undefined && demand.presence === "optional") return;
    if (demand.isMet(value)) return;
    const hint = value === undefined ? "; leave it out rather than pass undefined" : "";
    throw this.#refusal(name, value, `${this.#call}: ${this.#path}${name} must be ${demand.says}${hint}`);
  }

  #unknown(name: string, value: unknown): QuorateError {
    const known = nearest(name, this.#byName.keys());
    const names = [...this.#byName.keys()].join(", ");
    const help = known === undefined ? `its options are: ${names || "none"}` : `did you mean ${known}?`;
    return this.#refusal(name, value, `${this.#call} has no option named ${name}; ${help}`);
  }

  #refusal(name: string, value: unknown, message: string): QuorateError {
    return invalidArgument(this.#path + name, value, message);
  }

  #misplaced(given: unknown): QuorateError {
    const message = `${this.#call} takes its options as one plain object, not ${describe(given)}`;
    return invalidArgument(this.#path === "" ? "options" : this.#path.slice(0, -1), given, message);
  }
}

/** Whether a value is an object literal, of whichever realm: an instance of a class is something else than options. */
export function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What a value is, in words for an error, with what most likely went wrong. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (isThenable(value)) return "a promise (is an await missing?)";
  if (isSignal(value)) return "an AbortSignal (pass it as { signal })";
  if (typeof value === "object")
    return `${value.constructor?.name || "an object"} ${Array.isArray(value) ? "(a list)" : ""}`.trim();
  if (typeof value === "function") return "a function";
  // JSON knows no bigint, and throws at one.
  const shown = typeof value === "bigint" ? undefined : JSON.stringify(value);
  return `the ${typeof value} ${shown ?? String(value)}`;
}

/** Whether an `await` is missing before a value. */
export function isThenable(value: unknown): boolean {
  return (
    typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function"
  );
}

function isSignal(value: unknown): value is AbortSignal {
  return typeof value === "object" && value !== null && typeof (value as AbortSignal).aborted === "boolean";
}

/** A demand in its usual form: the option may be left out. */
export function demand<Value>(says: string, isMet: (value: unknown) => value is Value): Demand<Value> {
  return { says, isMet, presence: "optional" };
}

/** The same, where `undefined` is refused. */
export function definite<Value>(given: Demand<Value>): Demand<Value> {
  return { ...given, presence: "definite" };
}

/** The same, where the option must be given. */
export function required<Value>(given: Demand<Value>): Demand<Value> {
  return { ...given, presence: "required" };
}

export const flag = demand("true or false", (value) => typeof value === "boolean");
export const text = demand(
  "text, and not empty",
  (value): value is string => typeof value === "string" && value !== "",
);
export const anyText = demand("text", (value) => typeof value === "string");
export const signal = demand("an AbortSignal", isSignal);
/** A duration. Infinity is for ever. */
export const milliseconds = demand(
  "milliseconds, 0 or more",
  (value): value is number => typeof value === "number" && value >= 0,
);

export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Demand<number> {
  const says =
    most === Number.MAX_SAFE_INTEGER
      ? `a whole number, ${least} or more`
      : `a whole number from ${least} to ${most}`;
  return demand(
    says,
    (value): value is number => Number.isSafeInteger(value) && between(value as number, least, most),
  );
}

/** A count that Infinity takes the limit from. */
export function wholeOrInfinity(least: number): Demand<number> {
  return demand(
    `a whole number, ${least} or more, or Infinity`,
    (value): value is number =>
      value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= least),
  );
}

export function fraction(least: number, most: number): Demand<number> {
  return demand(
    `a number from ${least} to ${most}`,
    (value): value is number => typeof value === "number" && between(value, least, most),
  );
}

export function oneOf<const Values extends readonly unknown[]>(...values: Values): Demand<Values[number]> {
  return demand(`one of ${values.join(", ")}`, (value): value is Values[number] => values.includes(value));
}

export function listOf<Item>(says: string, item: Demand<Item>): Demand<readonly Item[]> {
  return demand(says, (value): value is readonly Item[] => Array.isArray(value) && value.every(item.isMet));
}

/** An object or function with these methods: what a user may have implemented. */
export function having<Value extends object>(
  says: string,
  ...methods: readonly (keyof Value & string)[]
): Demand<Value> {
  return demand(says, (value): value is Value => {
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
    return methods.every((method) => typeof (value as Record<string, unknown>)[method] === "function");
  });
}

export function callback<Value extends (...args: never[]) => unknown>(says = "a function"): Demand<Value> {
  return demand(says, (value): value is Value => typeof value === "function");
}

/** Options within options. Errors name them with their path. */
export function nested<Options extends object>(table: OptionTable<Options>): Demand<Options> {
  return demand("an object with options", (value): value is Options => {
    table.check(value);
    return true;
  });
}

/** What is taken as it is: options that belong to somebody else, such as Node's own. */
export function anything<Value>(): Demand<Value> {
  return demand("given", (value): value is Value => value !== undefined);
}

function between(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
}
