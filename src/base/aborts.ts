/** Who waits for each signal. A signal that nobody waits for any more is not in it. */
const WAITING = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `listener` once when the signal aborts, and gives what takes it back. However many calls share a signal, it has
 * one listener of ours, and none when all of them have ended: Node warns of a leak from the eleventh on.
 */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const listeners = WAITING.get(signal) ?? begin(signal);
  // One that is given twice is called twice.
  const own = (): void => listener();
  listeners.add(own);
  return () => {
    if (!listeners.delete(own) || listeners.size > 0 || WAITING.get(signal) !== listeners) return;
    WAITING.delete(signal);
    signal.removeEventListener("abort", abort);
  };
}

function begin(signal: AbortSignal): Set<() => void> {
  const listeners = new Set<() => void>();
  WAITING.set(signal, listeners);
  signal.addEventListener("abort", abort, { once: true });
  return listeners;
}

function abort(this: AbortSignal): void {
  const listeners = WAITING.get(this) ?? [];
  WAITING.delete(this);
  for (const listener of listeners) listener();
}
