import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A control group of Linux whose processes may take so much memory: what limits a container. Needs root. */
export class ControlGroup {
  readonly path: string;

  /** Throws where no group can be made here. */
  constructor(name: string, bytes: number) {
    const { root, file } = memoryController();
    this.path = join(root, name);
    mkdirSync(this.path, { recursive: true });
    writeFileSync(join(this.path, file), String(bytes));
  }

  /** Its processes have ended. */
  remove(): void {
    try {
      rmdirSync(this.path);
    } catch {
      // The kernel may still count pages of a process that has just ended: an empty group costs nothing.
    }
  }
}

/** Where groups with a limit are made: version 1 of control groups has a folder of its own for memory. */
function memoryController(): { readonly root: string; readonly file: string } {
  if (existsSync("/sys/fs/cgroup/memory"))
    return { root: "/sys/fs/cgroup/memory", file: "memory.limit_in_bytes" };
  return { root: "/sys/fs/cgroup", file: "memory.max" };
}
