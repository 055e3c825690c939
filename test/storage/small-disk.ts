import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A real file system of so many bytes; null where this user may not mount one. To be given back with `unmount`. */
export function mountSmallDisk(bytes: number): string | null {
  const directory = mkdtempSync(join(tmpdir(), "quorate-small-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", directory], { stdio: "ignore" });
    return directory;
  } catch {
    rmdirSync(directory);
    return null;
  }
}

export function unmount(directory: string | null): void {
  if (directory === null) return;
  execFileSync("umount", ["--lazy", directory]);
  rmdirSync(directory);
}
