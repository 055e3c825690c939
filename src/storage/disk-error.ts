import { QuorateError } from "../base/errors.ts";

/** What every `Files` reports when the disk refuses. A read that fails changed nothing; of all else nobody knows. */
export function diskError(
  operation: string,
  path: string,
  errno?: string,
  cause?: unknown,
): QuorateError<"ERR_DISK"> {
  const what = path === "" ? "the data directory" : path;
  const details = errno === undefined ? { operation, path } : { operation, path, errno };
  return new QuorateError(
    "ERR_DISK",
    `${operation} of ${what} failed${errno === undefined ? "" : `: ${errno}`}`,
    details,
    {
      outcome: operation === "read" || operation === "list" ? "none" : "unknown",
      cause,
    },
  );
}
