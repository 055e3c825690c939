import type { ErrorFields } from "../../base/errors.ts";
import { QuorateError } from "../../base/errors.ts";

/** Bytes on the disk that are not what was written: the storage refuses to go on, and leaves the file as it is. */
export function corrupt(details: ErrorFields["ERR_CORRUPT"]): QuorateError<"ERR_CORRUPT"> {
  const { file, offset, reason, index, term } = details;
  const entry =
    index === undefined ? "" : `, from entry ${index}${term === undefined ? "" : ` of term ${term}`} on`;
  return new QuorateError("ERR_CORRUPT", `${file} is damaged at byte ${offset}${entry}: ${reason}`, details);
}
