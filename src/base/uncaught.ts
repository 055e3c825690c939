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
  const message = error instanceof Error ? error.message : String(error);
  const code = (error as { readonly code?: unknown } | null)?.code;
  const detail = "Nobody listens to the event 'error'.";
  const { process } = globalThis as { process?: Host };
  process?.emitWarning?.(code === undefined ? message : `${code}: ${message}`, {
    type: "QuorateWarning",
    detail,
  });
}
