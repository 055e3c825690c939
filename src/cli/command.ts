import { parseArgs } from "node:util";
import { nearest } from "../base/nearest.ts";

/** What a command's process ends with: all is well, something is wrong, or the command line makes no sense. */
export type ExitCode = 0 | 1 | 2;

/** One of the things that `quorate` does. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
  /** The help for these arguments, where some of them are commands of their own. */
  readonly helpFor?: (args: readonly string[]) => string;
  run(args: readonly string[], print: (text: string) => void): ExitCode | Promise<ExitCode>;
}

/** The command line makes no sense; the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What commands that look at one directory are given. Throws UsageError. */
export function parseDirectoryArgs<Flag extends string>(
  args: readonly string[],
  flags: readonly Flag[],
): { readonly directory: string; readonly flags: Readonly<Record<Flag | "json", boolean>> } {
  const names = [...flags, "json"] as const;
  const { values, positionals } = parseOrRefuse(args, names);
  const [directory, ...rest] = positionals;
  if (directory === undefined) throw new UsageError("a data directory is expected");
  if (rest.length > 0) throw new UsageError(`one data directory is expected, not ${positionals.length}`);
  const given = Object.fromEntries(names.map((name) => [name, values[name] === true]));
  return { directory, flags: given as Record<Flag | "json", boolean> };
}

/** What commands are given that want as many words as are named, and know no option but `--json`. Throws UsageError. */
export function parsePositionals(
  args: readonly string[],
  expected: readonly string[],
): { readonly words: readonly string[]; readonly json: boolean } {
  const { values, positionals } = parseOrRefuse(args, ["json"]);
  const missing = expected[positionals.length];
  if (missing !== undefined) throw new UsageError(`${missing} is expected`);
  if (positionals.length > expected.length) throw new UsageError(`${expected.length} words are expected`);
  return { words: positionals, json: values.json === true };
}

/** What makes a command line unusable; a flag that does not exist is answered with the nearest one. */
export function unusable(error: unknown, flags: Iterable<string>): UsageError {
  const { message } = error as Error;
  const unknown = /^Unknown option '--([^'=]+)/.exec(message)?.[1];
  if (unknown === undefined) return new UsageError(message);
  const known = nearest(unknown, flags);
  const help = known === undefined ? "" : `; did you mean --${known}?`;
  return new UsageError(`there is no flag --${unknown}${help}`);
}

function parseOrRefuse(args: readonly string[], flags: readonly string[]) {
  const options = Object.fromEntries(flags.map((flag) => [flag, { type: "boolean" as const }]));
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw unusable(error, flags);
  }
}
