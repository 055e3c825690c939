import { existsSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";

/**
 * A file of JSON lines that outlives a SIGKILL of its writer: `append` returns when the line is the kernel's.
 * The kill may cut the last line short; such a tail was never noted, and goes when the file is opened again.
 */
export class LineFile<Line> {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, "a");
    ftruncateSync(this.#fd, wholeLines(path).length);
  }

  append(line: Line): void {
    writeSync(this.#fd, `${JSON.stringify(line)}\n`);
  }
}

/** Every line that is whole; none if there is no such file. */
export function readLines<Line>(path: string): Line[] {
  const text = wholeLines(path).toString("utf8");
  if (text === "") return [];
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

function wholeLines(path: string): Buffer {
  if (!existsSync(path)) return Buffer.alloc(0);
  const bytes = readFileSync(path);
  return bytes.subarray(0, bytes.lastIndexOf("\n") + 1);
}
