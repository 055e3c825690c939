/**
 * The system's timers and clocks, taken when this module is loaded: a test may replace the global ones with fake ones later,
 * under which nothing would ever come to an end. Where that was done before, the real ones are taken from behind the fakes
 * of `@sinonjs/fake-timers`, which vitest, jest and sinon use.
 */
export const setTimeout = real("setTimeout");
export const clearTimeout = real("clearTimeout");
export const setInterval = real("setInterval");
export const clearInterval = real("clearInterval");
export const setImmediate = real("setImmediate");
export const queueMicrotask = real("queueMicrotask");
/** Node's; undefined in browsers, where nothing calls it. */
export const nextTick =
  (globalThis as Partial<typeof globalThis>).process === undefined ? queueMicrotask : realNextTick();

const realPerformance = real("performance");
const realDate = real("Date");
const { now: performanceNow } = realPerformance;
const { now: dateNow } = realDate;

/** Milliseconds since some fixed moment; never goes back. */
export function monotonicNow(): number {
  return performanceNow.call(realPerformance);
}

/** Milliseconds since 1970. */
export function wallNow(): number {
  return dateNow.call(realDate);
}

type Global = typeof globalThis;

function real<Name extends keyof Global & string>(name: Name): Global[Name] {
  return behindFake(globalThis[name], name);
}

function realNextTick(): typeof process.nextTick {
  return behindFake(process.nextTick, "nextTick").bind(process);
}

/** A fake carries the clock that drives it, and the clock carries what the fake stands for. */
function behindFake<Value>(value: Value, name: string): Value {
  const { clock } = (value ?? {}) as { clock?: Record<string, unknown> };
  const kept = clock?.[`_${name}`];
  return kept === undefined ? value : (kept as Value);
}
