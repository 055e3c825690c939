/** Thrown when something happened that cannot happen: a bug of ours, never the caller's or a peer's doing. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * Claims what must be true here. For what callers or peers can get wrong there are coded errors instead.
 * A message that is dear to build may be given as a function.
 */
export function assert(claim: boolean, message: string | (() => string)): asserts claim {
  if (!claim) throw new AssertionError(typeof message === "string" ? message : message());
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
