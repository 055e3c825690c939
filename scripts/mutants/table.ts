import { type Catch, gameOf } from "./hunter.ts";
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
    const seeds = found === null || mutant.mode === "test" ? "–" : caught!.seeds;
    return `| ${mutant.title} | ${gameOf(mutant)} | ${seeds} | ${whatBroke(mutant, found)} |`;
  });
  const left = UNPLANTED.map(({ title, reason }) => `| ${title} | – | – | not planted: ${reason} |`);
  return [
    "| planted bug | simulation or test | seeds to find it | what broke |",
    "|---|---|---|---|",
    ...rows,
    ...left,
  ].join("\n");
}

function whatBroke(mutant: Mutant, found: string | null): string {
  if (found === null) return "not found";
  return mutant.mode === "test" ? mutant.test.name : found;
}
