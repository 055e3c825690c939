import type { Random } from "../../base/random.ts";
import type { Codec } from "../../replica/state-machine.ts";
import type { Generator } from "../generate.ts";

/** A command at its place in the log. */
export interface Step<Command> {
  readonly index: number;
  readonly term: number;
  readonly time: number;
  readonly command: Command;
  /** What every member decodes for itself. */
  readonly bytes: Uint8Array;
}

/** Some moment in 2027: what is later than the present shows who asks the clock of the machine it runs on. */
const FIRST_TIME = 1_800_000_000_000;

/**
 * Commands with the places a log would give them: terms grow, indexes have gaps where entries are not commands, time
 * stands still or leaps, and never goes back.
 */
export function stepsOf<Command>(
  commands: readonly Command[],
  codec: Codec<Command>,
  random: Random,
): Step<Command>[] {
  let [index, term, time] = [0, 1, FIRST_TIME];
  return commands.map((command) => {
    index += random.between(0, 9) === 0 ? 2 : 1;
    term += random.between(0, 9) === 0 ? 1 : 0;
    time += random.between(0, 3) === 0 ? random.between(0, 100_000) : random.between(0, 10);
    // The codec may hand out the same buffer again.
    return { index, term, time, command, bytes: codec.encode(command).slice() };
  });
}

/** Up to `max` values; short lists are as likely as long ones. */
export function listOf<Value>(generator: Generator<Value>, max: number, random: Random): Value[] {
  return Array.from({ length: random.between(1, max) }, () => generator(random));
}
