import type { Step } from "./steps.ts";

/** The name of one law that `checkLaws` tries, as in a `LawViolation`. */
export type LawName =
  | "the codec"
  | "answers"
  | "determinism"
  | "batches"
  | "queries"
  | "sharing"
  | "the cut"
  | "the round trip"
  | "restoring"
  | "restoring in pieces"
  | "the hash"
  | "bounded work"
  | "old snapshots";

/** Thrown by a law for the steps it was shown. `checkLaws` makes a `LawViolation` of the shortest one it finds. */
export class Breach extends Error {
  override readonly name = "Breach";
}

/** A state machine broke one of the laws that replication rests on. The message tells what happened, and how to see it again. */
export class LawViolation extends Error {
  override readonly name = "LawViolation";
  /** Which law, by its name. */
  readonly law: LawName;
  /** The commands that show it, as few as were found. */
  readonly commands: readonly unknown[];
  /** Given to `checkLaws` as `seed`, with `runs: 1`, it shows the same. */
  readonly seed: number;

  /** Creates the error for the law that `steps` violate; `seed` finds them again. */
  constructor(
    law: { readonly name: LawName; readonly says: string },
    breach: Error,
    steps: readonly Step<unknown>[],
    seed: number,
  ) {
    super(`${law.says} (the law of ${law.name})\n${messageOf(breach, steps, seed)}`);
    this.law = law.name;
    this.commands = steps.map(({ command }) => command);
    this.seed = seed;
  }
}

function messageOf(breach: Error, steps: readonly Step<unknown>[], seed: number): string {
  return [
    indent(breach.message),
    ...(steps.length === 0 ? [] : ["commands:"]),
    ...steps.map(({ command, index }) => `  ${index}: ${textOf(command)}`),
    `again with: { seed: ${seed}, runs: 1 }`,
  ].join("\n");
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, "  ");
}

const TEXT_MAX = 200;

/** A value for people; long ones are cut. */
export function textOf(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : printed(value);
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1)}…` : text;
}

function printed(value: unknown): string {
  try {
    return JSON.stringify(value, replaced) ?? String(value);
  } catch {
    return String(value);
  }
}

/** What JSON would not tell apart from something else, or not tell at all. `this` is what holds the value. */
function replaced(this: unknown, name: string, value: unknown): unknown {
  const held = name === "" ? value : (this as Record<string, unknown>)[name];
  if (held instanceof Map) return { Map: [...held] };
  if (held instanceof Set) return { Set: [...held] };
  if (ArrayBuffer.isView(held)) return { bytes: held.byteLength };
  if (typeof held === "bigint") return `${held}n`;
  if (Object.prototype.toString.call(held) === "[object Date]") return { Date: value };
  return value;
}
