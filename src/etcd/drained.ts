import { setImmediate } from "../base/system-time.ts";
import { refusal } from "../wire/status.ts";
import type { MessageStream } from "./services.ts";

/**
 * Waits until the client has taken what was sent, if `send` asked for that, and lets others have their turn in any
 * case. Throws when the client went away.
 */
export function drained(
  stream: Pick<MessageStream<never, never>, "client" | "onceDrained">,
  isFree: boolean,
): Promise<void> {
  const { signal } = stream.client;
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(refusal("canceled"));
    const onDrained = (): void => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    };
    if (signal.aborted) onAbort();
    else if (isFree) setImmediate(resolve);
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      stream.onceDrained(onDrained);
    }
  });
}
