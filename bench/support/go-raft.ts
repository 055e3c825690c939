import { execFileSync } from "node:child_process";
import { buildGo } from "./go-program.ts";

/** Proposals per second of etcd's core, in a process of its own. */
export type GoRaft = (members: number, batch: number, withCodec: boolean, milliseconds: number) => number;

/** Builds the comparison program; null where Go or the module is missing, which is said. */
export function buildGoRaft(): GoRaft | null {
  const program = buildGo("go-raft", "etcd's core in Go");
  if (program === null) return null;
  return (members, batch, withCodec, milliseconds) => {
    const numbers = { members, batch, milliseconds };
    const flags = Object.entries(numbers).map(([name, value]) => `-${name}=${value}`);
    return Number(execFileSync(program, withCodec ? [...flags, "-codec"] : flags, { encoding: "utf8" }));
  };
}
