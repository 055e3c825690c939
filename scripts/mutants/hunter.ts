import { join } from "node:path";
import { outputOf } from "./child.ts";
import type { Mode, Mutant, Profile, SimulatedMutant, TestedMutant } from "./mutant.ts";
import { runNamedTest } from "./named-test.ts";
import { Sources } from "./sources.ts";

/** How a hunt ended. */
export interface Catch {
  /** The promise that was seen broken, `crash` where the code broke down by itself, or the file of the test that failed; null when nothing was found. */
  readonly invariant: string | null;
  readonly message: string;
  /** How many seeds it took; the last of them is the one that shows it. */
  readonly seeds: number;
  readonly steps: number;
  readonly ms: number;
}

/** A mutant without its name, or the sources as they are. */
export type Game = Omit<SimulatedMutant, "id" | "title"> | Omit<TestedMutant, "id" | "title">;

export interface Budget {
  /** The first seed. */
  readonly first: number;
  readonly seeds: number;
  /** Of processor time. */
  readonly seconds: number;
}

/**
 * Plants the edits in a copy of the sources and looks for them there, in a process of its own: seed after seed, or by the
 * one test that is named. Throws when an edit has no place any more, or the changed code cannot be loaded.
 */
export async function hunt(game: Game, budget: Budget): Promise<Catch> {
  using sources = new Sources(game.edits, game.mode === "test");
  if (game.mode === "test") return await runNamedTest(sources, game.test);
  return await runSeeds(sources, game.mode, game.faults ?? "standard", budget);
}

/** Says by what a mutant is hunted. */
export function gameOf(mutant: Mutant): string {
  if (mutant.mode === "test") return `test/${mutant.test.file}`;
  return mutant.faults === undefined ? mutant.mode : `${mutant.mode}, ${mutant.faults}`;
}

async function runSeeds(sources: Sources, mode: Mode, faults: Profile, budget: Budget): Promise<Catch> {
  const script = join(import.meta.dirname, "hunt.ts");
  const { first, seeds, seconds } = budget;
  const args = [sources.path, mode, faults, ...[first, seeds, seconds].map(String)];
  const timeout = (seconds * BUSY + GRACE_SECONDS) * 1000;
  const text = await outputOf(["--import", "tsx", script, ...args], { timeout });
  return JSON.parse(text) as Catch;
}

/** How much longer it may take than its own work where others are at work. */
const BUSY = 20;
/** For loading, and for the run that is under way when the time is over. */
const GRACE_SECONDS = 60;
