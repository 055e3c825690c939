import { cpSync, lstatSync } from "node:fs";

/** Copies a data directory, but for the socket of whoever holds its lock: that is no part of what a crash leaves. */
export function copyDirectory(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
}
