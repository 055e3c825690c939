import type { Settle } from "./calls/call.ts";

/** The promise of what `run` settles, or throws. */
export function promised<Value>(run: (settle: Settle<Value>) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    run((error, value) => (error === null ? resolve(value as Value) : reject(error)));
  });
}
