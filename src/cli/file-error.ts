import { QuorateError } from "../base/errors.ts";
import { systemReason } from "../base/system-reason.ts";

/** Does something with a file that a command line names. What the system refuses becomes ERR_DISK: `deed`, the path, and why. */
export function attemptFile<Value>(deed: string, path: string, run: () => Value): Value {
  try {
    return run();
  } catch (error) {
    throw fileError(deed, path, error);
  }
}

export function fileError(deed: string, path: string, error: unknown): unknown {
  if (QuorateError.is(error) || !isSystemError(error)) return error;
  const { code, syscall } = error;
  const details = { operation: syscall ?? "open", path, ...(code === undefined ? {} : { errno: code }) };
  return new QuorateError("ERR_DISK", `${deed} ${path}: ${systemReason(error)}`, details, { cause: error });
}

/** What the system refuses, such as a file that cannot be written. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}
