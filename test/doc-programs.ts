import { freePorts } from "../examples/kubernetes/free-ports.ts";

/** The ports on loopback that a block names may be taken here: each becomes one that is free. */
export async function withFreePorts(code: string): Promise<string> {
  const ports = [...new Set([...code.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port!))];
  const free = await freePorts(ports.length);
  let changed = code;
  for (const [at, port] of ports.entries())
    changed = changed.replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${free[at]}`);
  return changed;
}

/** Those of the expected lines that were printed, in their order; other lines may stand between them. */
export function linesAmong(expected: readonly string[], printed: string): string[] {
  const lines = printed.split("\n");
  return expected.filter((line) => {
    const at = lines.indexOf(line);
    if (at >= 0) lines.splice(0, at + 1);
    return at >= 0;
  });
}
