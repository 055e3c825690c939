const KINDS = ["uncaughtException", "unhandledRejection"] as const;

/** Runs `work`, and returns what surfaced as uncaught exceptions and unhandled rejections meanwhile, in order. */
export async function uncaughtDuring(work: () => unknown): Promise<unknown[]> {
  const others = KINDS.map((kind) => [kind, process.listeners(kind as "uncaughtException")] as const);
  const caught: unknown[] = [];
  const onUncaught = (error: unknown): void => {
    caught.push(error);
  };
  for (const kind of KINDS) process.removeAllListeners(kind).on(kind, onUncaught);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    for (const [kind, listeners] of others) {
      process.off(kind, onUncaught);
      for (const other of listeners) process.on(kind, other);
    }
  }
  return caught;
}
