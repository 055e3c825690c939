/**
 * `npm run sim -- --seed S | --seeds N | --minutes M [--mode core|full] [--faults NAME]`: the simulator on the code of
 * this tree. Where neither mode nor faults are named it plays three games, which share the minutes.
 */
import { sim } from "../src/cli/sim.ts";

const GAMES = [
  ["--mode", "core"],
  ["--mode", "full"],
  ["--mode", "full", "--faults", "nightmare"],
];

const args = process.argv.slice(2);
const print = (text: string): void => void process.stdout.write(text);
const isNamed = args.includes("--mode") || args.includes("--faults");
for (const game of isNamed ? [[]] : GAMES) {
  if (!isNamed) print(`\n— ${game.filter((word) => !word.startsWith("--")).join(", ")} —\n`);
  const code = await sim.run(["run", ...game, ...(isNamed ? args : sharing(args))], print);
  if (code !== 0) process.exitCode = Math.max(code, Number(process.exitCode ?? 0));
}

/** The arguments with one game's share of the minutes. */
function sharing(all: readonly string[]): string[] {
  const at = all.indexOf("--minutes");
  return all.map((each, place) => (at >= 0 && place === at + 1 ? String(Number(each) / GAMES.length) : each));
}
