import { readdirSync } from "node:fs";
import { QuorateError } from "../base/errors.ts";
import { systemReason } from "../base/system-reason.ts";

/**
 * Throws ERR_DISK where a data directory cannot lie: at a file, beneath one, where nobody may look, and, if it is to
 * exist already, where there is nothing.
 */
export function checkDirectory(directory: string, wanted: "existing" | "new"): void {
  try {
    readdirSync(directory);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? "unknown";
    if (errno === "ENOENT" && wanted === "new") return;
    const reason = errno === "ENOTDIR" ? "it is a file, or lies beneath one" : systemReason(cause);
    const message =
      errno === "ENOENT"
        ? `there is no store in ${directory}: there is no such directory`
        : `cannot use ${directory} as a data directory: ${reason}`;
    const details = { operation: "list", path: directory, errno };
    throw new QuorateError("ERR_DISK", message, details, { cause });
  }
}
