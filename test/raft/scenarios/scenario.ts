import { Commands } from "./commands.ts";
import { World } from "./world.ts";

/**
 * A story about a group of members, and what comes of it. A block is some lines of commands, a line `---`, and the
 * lines that the commands gave, up to an empty line. `#` begins a comment; a command in parentheses is not told about.
 */
export interface Block {
  /** The lines above `---` as they stand in the file, with comments and empty lines. */
  readonly told: readonly string[];
  /** The line of the file on which the first of them stands, counted from 1. */
  readonly line: number;
  readonly expected: readonly string[];
}

const DIVIDER = "---";
const SILENCE = "(nothing happens)";

export function parseScenario(text: string): Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  for (let start = 0; ; ) {
    const divider = lines.indexOf(DIVIDER, start);
    if (divider === -1) {
      if (lines.slice(start).some((line) => line.trim() !== "")) {
        throw new Error(`line ${start + 1}: a story without a line ${DIVIDER}`);
      }
      return blocks;
    }
    const gap = lines.indexOf("", divider);
    const end = gap === -1 ? lines.length : gap;
    const told = lines.slice(start, divider);
    blocks.push({ told, line: start + 1, expected: lines.slice(divider + 1, end) });
    start = end + 1;
  }
}

/** Runs the story from its beginning. The same blocks, with what came of them in place of what was expected. */
export function playScenario(blocks: readonly Block[]): Block[] {
  const world = new World();
  const commands = new Commands(world);
  return blocks.map((block) => {
    block.told.forEach((text, at) => {
      playLine(world, commands, text, block.line + at);
    });
    const lines = world.takeLines();
    return { ...block, expected: lines.length === 0 ? [SILENCE] : lines };
  });
}

function playLine(world: World, commands: Commands, text: string, line: number): void {
  const told = text.trim();
  if (told === "" || told.startsWith("#")) return;
  const isSilent = told.startsWith("(") && told.endsWith(")");
  try {
    if (isSilent) world.silently(() => commands.run(told.slice(1, -1)));
    else commands.run(told);
  } catch (cause) {
    throw new Error(`line ${line}: ${told}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

export function printScenario(blocks: readonly Block[]): string {
  const parts = blocks.map(({ told, expected }) => [...told, DIVIDER, ...expected].join("\n"));
  return `${parts.join("\n\n")}\n`;
}

/** The text of a scenario file with the answers that it would get now. */
export function answerScenario(text: string): string {
  return printScenario(playScenario(parseScenario(text)));
}
