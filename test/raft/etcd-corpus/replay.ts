import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { ConfigurationChanges } from "./confchange.ts";
import { type Block, ended, parseBlocks } from "./datadriven.ts";
import { Interaction } from "./interaction.ts";
import { runQuorum } from "./quorum.ts";
import { unifiedDiff } from "./unified-diff.ts";

export interface Difference {
  /** The line of the directive. */
  readonly line: number;
  readonly command: string;
  readonly diff: string;
}

export interface Replay {
  readonly file: string;
  readonly blocks: number;
  readonly difference: Difference | null;
}

/** Replays every scenario below a folder. With logs each byte counts; else lines of the logger are left out. */
export function replayFolder(folder: string, withLogs: boolean): Replay[] {
  return scenarioFiles(folder).map((path) => replayFile(path, relative(folder, path), withLogs));
}

function scenarioFiles(folder: string): string[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) return scenarioFiles(path);
      return name.endsWith(".txt") ? [path] : [];
    });
}

function replayFile(path: string, file: string, withLogs: boolean): Replay {
  const blocks = parseBlocks(readFileSync(path, "utf8"));
  const run = runnerFor(path);
  for (const block of blocks) {
    const difference = compare(block, attempt(run, block), withLogs);
    if (difference !== null) return { file, blocks: blocks.length, difference };
  }
  return { file, blocks: blocks.length, difference: null };
}

/** Which kind of scenario a file holds is told by its folder. */
function runnerFor(path: string): (block: Block) => string {
  const folders = path.split(sep);
  if (folders.includes("quorum")) return runQuorum;
  if (folders.includes("confchange")) {
    const changes = new ConfigurationChanges();
    return (block) => changes.run(block);
  }
  const interaction = new Interaction();
  return (block) => interaction.run(block);
}

/** A block that breaks the driver is a difference like any other. */
function attempt(run: (block: Block) => string, block: Block): string {
  try {
    return run(block);
  } catch (error) {
    return error instanceof Error ? `${error.stack}` : String(error);
  }
}

function compare(block: Block, result: string, withLogs: boolean): Difference | null {
  const expected = withLogs ? block.expected : withoutLogs(block.expected);
  const got = withLogs ? ended(result) : withoutLogs(ended(result));
  if (expected === got) return null;
  return { line: block.line, command: block.command, diff: unifiedDiff(expected, got) };
}

const LOG_LINE = /^\s*(DEBUG|INFO|WARN|ERROR|FATAL) /;

/** A command that only logs is as good as one that says ok. */
function withoutLogs(text: string): string {
  const lines = text.split("\n").filter((line) => line !== "" && !LOG_LINE.test(line));
  return lines.length === 0 ? "ok\n" : `${lines.join("\n")}\n`;
}
