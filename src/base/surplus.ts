import { invalidArgument } from "./errors.ts";

type Callable = (...args: never[]) => unknown;

/** The names of the methods of a class that users call. */
type MethodName<Instance> = {
  [Name in keyof Instance & string]: Instance[Name] extends Callable ? Name : never;
}[keyof Instance & string];

/** How many arguments each method takes at most. */
type Takes<Instance> = { readonly [Name in MethodName<Instance>]?: number };

/**
 * Returns the function, which from now on refuses more arguments than `most` with ERR_INVALID_ARGUMENT. JavaScript would
 * ignore them, and `open(dir, options)` would be a store without its options. A function whose answer is a promise rejects;
 * `isPromising` says so of one that is not declared `async`.
 */
export function exact<Call extends Callable>(
  name: string,
  most: number,
  call: Call,
  isPromising = Object.prototype.toString.call(call) === "[object AsyncFunction]",
): Call {
  const checked = function (this: unknown, ...given: never[]): unknown {
    if (given.length <= most) return call.apply(this, given);
    const refusal = surplus(name, most, given);
    if (isPromising) return Promise.reject(refusal);
    throw refusal;
  };
  Object.defineProperty(checked, "name", { value: call.name });
  return checked as Call;
}

/** Has the methods of a class refuse surplus arguments. Stands behind the class. */
export function takes<Instance>(
  of: { readonly name: string; readonly prototype: Instance },
  most: Takes<Instance>,
  promising: readonly MethodName<Instance>[] = [],
): void {
  const methods = of.prototype as Record<string, Callable>;
  for (const [name, count] of Object.entries<number | undefined>(most)) {
    const isPromising = (promising as readonly string[]).includes(name) || undefined;
    const value = exact(name, count!, methods[name]!, isPromising);
    Object.defineProperty(methods, name, { value, writable: true, configurable: true });
  }
}

/** The refusal, which says how many are taken. Options that were passed behind everything else are the usual case. */
function surplus(name: string, most: number, given: readonly unknown[]): Error {
  const arguments_ = most === 0 ? "no arguments" : most === 1 ? "one argument" : `${most} arguments at most`;
  const help = most === 1 ? "; options are part of it" : "";
  const message = `${name} takes ${arguments_}, and was given ${given.length}${help}`;
  return invalidArgument(`arguments[${most}]`, given[most], message);
}
