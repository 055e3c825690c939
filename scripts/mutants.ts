/**
 * `npm run mutants -- [--only ID] [--seed S] [--seeds N] [--seconds N] [--jobs N] [--json] [--list] [--write FILE]`: plants
 * known bugs into a copy of the sources, one at a time, and shows by which seed and promise the simulator finds each, or by
 * which test, where no simulation reaches. Seeds
 * are counted from S, 1 by default. `--write` puts the table between the marks in a page.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Catch, gameOf, hunt } from "./mutants/hunter.ts";
import type { Mutant } from "./mutants/mutant.ts";
import { MUTANTS } from "./mutants/mutants.ts";
import { between, type Trophy, tableOf } from "./mutants/table.ts";
import { UNPLANTED } from "./mutants/unplanted.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    mode: { type: "string" },
    seed: { type: "string", default: "1" },
    seeds: { type: "string", default: "3000" },
    seconds: { type: "string", default: "60" },
    jobs: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    write: { type: "string" },
  },
});
const first = Number(values.seed);
const budget = { first, seeds: Number(values.seeds), seconds: Number(values.seconds) };
const mutants = MUTANTS.filter(
  ({ id, mode }) => (values.only?.includes(id) ?? true) && (values.mode ?? mode) === mode,
);

if (values.list) list();
else await huntAll();

function list(): void {
  for (const { id, title, mode } of mutants) console.log(`${id} (${mode}): ${title}`);
  for (const { title, reason } of UNPLANTED) console.log(`not planted: ${title} — ${reason}`);
}

async function huntAll(): Promise<void> {
  if (mutants.length === 0) throw new Error("there is no such mutant");
  const trophies: Trophy[] = [];
  await inParallel(mutants, async (mutant) => {
    const trophy = await huntOne(mutant);
    trophies.push(trophy);
    if (!values.json) console.log(lineOf(trophy));
  });
  trophies.sort((left, right) => mutants.indexOf(left.mutant) - mutants.indexOf(right.mutant));
  const isSound = await checkSound(trophies);
  if (values.json)
    console.log(
      JSON.stringify(
        trophies.map(({ mutant, ...rest }) => ({ id: mutant.id, ...rest })),
        null,
        2,
      ),
    );
  if (values.write !== undefined) {
    writeFileSync(values.write, between(readFileSync(values.write, "utf8"), tableOf(trophies)));
  }
  const killed = trophies.filter(({ caught }) => caught !== null && caught.invariant !== null);
  if (!isSound || killed.length < mutants.length) process.exitCode = 1;
  console.log(
    `median seeds to kill: ${median(killed.filter(({ mutant }) => mutant.mode !== "test").map(({ caught }) => caught!.seeds))}`,
  );
  console.log(`mutants ${mutants.length}, killed ${killed.length}`);
}

async function huntOne(mutant: Mutant): Promise<Trophy> {
  try {
    return { mutant, caught: await hunt(mutant, budget), error: null };
  } catch (error) {
    return { mutant, caught: null, error: (error as Error).message };
  }
}

/** The code that ships must pass every seed by which a mutant was found; else the seed proves nothing. */
async function checkSound(trophies: readonly Trophy[]): Promise<boolean> {
  const games = new Map<string, { mutant: Mutant; seeds: number }>();
  for (const { mutant, caught } of trophies) {
    const name = gameOf(mutant) + (mutant.mode === "test" ? `, "${mutant.test.name}"` : "");
    const seeds = Math.max(caught?.seeds ?? 0, games.get(name)?.seeds ?? 0);
    games.set(name, { mutant, seeds });
  }
  let isSound = true;
  await inParallel([...games], async ([name, { mutant, seeds }]) => {
    const caught = await hunt({ ...mutant, edits: [] }, { first, seeds, seconds: 600 });
    const isClean = caught.invariant === null;
    isSound &&= isClean;
    if (!values.json)
      console.log(`no mutant, ${name}: ${isClean ? `${caught.seeds} seeds are clean` : describe(caught)}`);
  });
  return isSound;
}

async function inParallel<Item>(items: readonly Item[], run: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await run(item);
  };
  await Promise.all(Array.from({ length: Number(values.jobs) }, worker));
}

function lineOf({ mutant, caught, error }: Trophy): string {
  if (caught === null) return `✗ ${mutant.id}: ${error}`;
  return `${caught.invariant === null ? "✗" : "✓"} ${mutant.id}: ${describe(caught)}`;
}

function describe({ invariant, message, seeds, steps, ms }: Catch): string {
  const effort = `${seeds} seeds, ${steps} steps, ${ms} ms`;
  return invariant === null
    ? `not found in ${effort}`
    : `${invariant} after ${effort}: ${message.split("\n")[0]}`;
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((left, right) => left - right)[numbers.length >> 1] ?? 0;
}
