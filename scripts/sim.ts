/**
 * `npm run sim -- --seed S | --seeds N | --minutes M [--mode core|full]`: the simulator on the code of this tree. Both
 * modes in turn where none is named.
 */
import { sim } from "../src/cli/sim.ts";

const args = process.argv.slice(2);
const print = (text: string): void => void process.stdout.write(text);
const modes = args.includes("--mode") ? [null] : ["core", "full"];
for (const mode of modes) {
  if (mode !== null) print(`\n— ${mode} —\n`);
  const code = await sim.run(["run", ...(mode === null ? [] : ["--mode", mode]), ...args], print);
  if (code !== 0) process.exitCode = Math.max(code, Number(process.exitCode ?? 0));
}
