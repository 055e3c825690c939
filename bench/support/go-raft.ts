import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { progress } from "./options.ts";
import { scratchDirectory } from "./scratch.ts";

/** Proposals per second of etcd's core, in a process of its own. */
export type GoRaft = (members: number, batch: number, withCodec: boolean, milliseconds: number) => number;

/** Builds the comparison program; null where Go or the module is missing, which is said. */
export function buildGoRaft(): GoRaft | null {
  const program = join(scratchDirectory(), "go-raft");
  try {
    const options = {
      cwd: "bench/go-raft",
      stdio: ["ignore", "ignore", "pipe"] as ["ignore", "ignore", "pipe"],
    };
    execFileSync("go", ["build", "-o", program, "."], options);
  } catch (error) {
    progress(`without etcd's core in Go, which could not be built: ${String(error).split("\n")[0]}`);
    return null;
  }
  return (members, batch, withCodec, milliseconds) => {
    const numbers = { members, batch, milliseconds };
    const flags = Object.entries(numbers).map(([name, value]) => `-${name}=${value}`);
    return Number(execFileSync(program, withCodec ? [...flags, "-codec"] : flags, { encoding: "utf8" }));
  };
}
