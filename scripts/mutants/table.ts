import type { Catch } from "./hunter.ts";
import type { Mutant } from "./mutant.ts";
import { UNPLANTED } from "./unplanted.ts";

/** A mutant, and how its hunt ended. */
export interface Trophy {
  readonly mutant: Mutant;
  /** Null when it could not be planted or run. */
  readonly caught: Catch | null;
  readonly error: string | null;
}

const BEGIN = "<!-- mutants: generated -->";
const END = "<!-- /mutants -->";

/** The page with this text between the marks. */
export function between(page: string, text: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`the page lacks the marks ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n${text}\n${page.slice(end)}`;
}

export function tableOf(trophies: readonly Trophy[]): string {
  const rows = trophies.map(({ mutant, caught }) => {
    const found = caught?.invariant ?? null;
    const faults = mutant.faults === undefined ? "" : `, ${mutant.faults}`;
    return `| ${mutant.title} | ${mutant.mode}${faults} | ${found === null ? "–" : caught!.seeds} | ${found ?? "not found"} |`;
  });
  const left = UNPLANTED.map(({ title, reason }) => `| ${title} | – | – | not planted: ${reason} |`);
  return [
    "| planted bug | simulation | seeds to find it | what broke |",
    "|---|---|---|---|",
    ...rows,
    ...left,
  ].join("\n");
}
