/** Runs `work`, and returns what surfaced as uncaught exceptions meanwhile, in order. */
export async function uncaughtDuring(work: () => unknown): Promise<unknown[]> {
  const others = process.listeners("uncaughtException");
  const caught: unknown[] = [];
  const onUncaught = (error: unknown): void => {
    caught.push(error);
  };
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", onUncaught);
  try {
    await work();
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off("uncaughtException", onUncaught);
    for (const other of others) process.on("uncaughtException", other);
  }
  return caught;
}
