import { reasonOf } from "./foreign.ts";
import { queueMicrotask } from "./system-time.ts";

/** What is used of Node's own `process`, which Deno and Bun have too. */
interface Host {
  emitWarning?(message: string, options: { readonly type: string; readonly detail: string }): void;
}

/**
 * Lets what code of the application's own has thrown surface as an uncaught exception, as if one of Node's emitters had
 * thrown it, but outside of whatever is under way: nobody up the stack can take it for a failure of theirs.
 */
export function throwUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

/** Warns of an `error` event that nobody listens to: a warning of the process, on stderr by default. */
export function warnUnheard(error: unknown): void {
  warn(error, "Nobody listens to the event 'error'.");
}

/** Warns the process of an error that no call and no event can report. */
export function warn(error: unknown, detail: string): void {
  const code = (error as { readonly code?: unknown } | null)?.code;
  const message = reasonOf(error);
  const { process } = globalThis as { process?: Host };
  process?.emitWarning?.(code === undefined ? message : `${code}: ${message}`, {
    type: "QuorateWarning",
    detail,
  });
}
