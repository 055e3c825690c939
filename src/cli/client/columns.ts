/** Rows of words, in columns as wide as they need. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) => row.map((word, at) => word.padEnd(widths[at]!)).join("  "));
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
