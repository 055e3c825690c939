/** `--name=12` or `--name 12` on the command line. */
export function numberOption(name: string, otherwise: number): number {
  const text = textOption(name, String(otherwise));
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} must be a number above 0, not "${text}"`);
  process.exit(2);
}

/** `--name=text` or `--name text` on the command line. */
export function textOption(name: string, otherwise: string): string {
  const at = process.argv.findIndex(
    (argument) => argument === `--${name}` || argument.startsWith(`--${name}=`),
  );
  if (at < 0) return otherwise;
  const given = process.argv[at]!;
  return given.includes("=") ? given.slice(given.indexOf("=") + 1) : (process.argv[at + 1] ?? "");
}

/** `--name=one,other`: some of what there is; all of it without the option. */
export function choiceOption(name: string, all: readonly string[]): readonly string[] {
  const chosen = textOption(name, all.join(",")).split(",");
  const unknown = chosen.filter((each) => !all.includes(each));
  if (unknown.length === 0) return chosen;
  console.error(`--${name} is of ${all.join(", ")}, not "${unknown.join(", ")}"`);
  process.exit(2);
}

export function hasFlag(name: string): boolean {
  return process.argv.includes(`--${name}`);
}

/** Progress goes where it does not disturb the report. */
export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
