import { QuorateError } from "../../base/errors.ts";
import type { Refused } from "../../kv/machine/result.ts";

/** What the machine refused, as an error. */
export function errorOf({ code, message, details }: Refused): QuorateError {
  return new QuorateError(code, message, details);
}

export function throwRefused(refused: Refused | null): void {
  if (refused !== null) throw errorOf(refused);
}
