import type { WatchBatch, WatchRequest } from "../../kv/mvcc/watch-hub.ts";
import { refusal } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";

/** Resolves with the first changes that a watch would tell, or with the news that they were compacted away. */
export function nextChanges(front: Front, request: WatchRequest, signal: AbortSignal): Promise<WatchBatch> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      for (let batch = watcher.take(); batch !== undefined; batch = watcher.take()) {
        if (batch.kind === "compacted" || batch.changes.length > 0) {
          end();
          resolve(batch);
          return;
        }
      }
    };
    const onAbort = (): void => {
      end();
      reject(refusal("canceled"));
    };
    const end = (): void => {
      watcher.close();
      signal.removeEventListener("abort", onAbort);
    };
    const { clock } = front;
    const watcher = front.machine.watches.watch(request, () => clock.soon(look));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    else look();
  });
}
