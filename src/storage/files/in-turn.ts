import type { Done } from "../../base/callback.ts";

/** Runs tasks one after the other, each when the one before has called back. The first error ends the series. */
export function inTurn(tasks: readonly ((done: Done) => void)[], done: Done): void {
  let at = 0;
  const next: Done = (error) => {
    const task = tasks[at++];
    if (error !== null || task === undefined) done(error);
    else task(next);
  };
  next(null);
}
