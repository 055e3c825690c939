import { isThenable } from "./options.ts";

interface Thenable {
  then(resolved: undefined, rejected: (cause: unknown) => void): unknown;
}

/** Whether a value is an array of bytes, of whichever realm. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && (value as Uint8Array).BYTES_PER_ELEMENT === 1;
}

/** Returns what a function of the application's own gave. Throws TypeError for a promise: nobody here can wait for it. */
export function synchronous<Value>(value: Value, what: string): Value {
  if (isLate(value)) throw new TypeError(`${what} returned a promise, but must be synchronous`);
  return value;
}

/** Whether a value is a promise. It is refused then, and what it rejects with later does not end the process. */
export function isLate(value: unknown): boolean {
  if (!isThenable(value)) return false;
  (value as Thenable).then(undefined, () => {});
  return true;
}

/**
 * Calls a function of the application's own that should call back. What it throws, or rejects with where it is async,
 * is told to `failed`.
 */
export function calling(run: () => unknown, failed: (cause: unknown) => void): void {
  try {
    const given = run();
    if (isThenable(given)) (given as unknown as Thenable).then(undefined, failed);
  } catch (cause) {
    failed(cause);
  }
}

/** Returns what `run` returns. Throws what `failure` makes of what it throws. */
export function rethrowing<Value>(run: () => Value, failure: (cause: unknown) => Error): Value {
  try {
    return run();
  } catch (cause) {
    throw failure(cause);
  }
}

/** Whether a callback tells of a failure. One without arguments has nothing to complain of. */
export function isFailure(error: unknown): boolean {
  return error !== null && error !== undefined;
}

/** What somebody threw, in words. Never throws itself. */
export function reasonOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? String(thrown.message) : String(thrown);
  } catch {
    return "a value that cannot be shown";
  }
}
