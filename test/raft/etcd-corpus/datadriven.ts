/**
 * The format of the scenario files: blocks of a directive, its input, a line `----` and the expected output, which
 * ends at a blank line. (Files of cockroachdb/datadriven.)
 */
export interface Block {
  /** The line of the directive, counted from 1. */
  readonly line: number;
  readonly command: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: string;
}

export interface Argument {
  readonly key: string;
  readonly values: readonly string[];
}

export function parseBlocks(text: string): Block[] {
  const lines = text.split("\n");
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = at + 1;
    let directive = lines[at++]!.trim();
    if (directive === "" || directive.startsWith("#")) continue;
    while (directive.endsWith("\\")) directive = `${directive.slice(0, -1)} ${(lines[at++] ?? "").trim()}`;

    const input: string[] = [];
    while (at < lines.length && lines[at] !== "----") input.push(lines[at++]!);
    at += 1;
    const expected: string[] = [];
    if (lines[at] === "----") {
      for (at += 1; at < lines.length && !(lines[at] === "----" && lines[at + 1] === "----"); at++) {
        expected.push(lines[at]!);
      }
      at += 2;
    } else {
      while (at < lines.length && lines[at]!.trim() !== "") expected.push(lines[at++]!);
    }
    blocks.push({
      line,
      ...parseDirective(directive),
      input: input.join("\n").trim(),
      expected: ended(expected.join("\n")),
    });
  }
  return blocks;
}

/** With a final newline, unless there is nothing. */
export function ended(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

function parseDirective(directive: string): { command: string; args: Argument[] } {
  const [command, ...words] = splitWords(directive);
  return { command: command!, args: words.map(parseArgument) };
}

/** Splits at blanks, but not inside parentheses. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  let depth = 0;
  let word = "";
  for (const char of text) {
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (char === " " && depth === 0) {
      if (word !== "") words.push(word);
      word = "";
    } else {
      word += char;
    }
  }
  if (word !== "") words.push(word);
  return words;
}

function parseArgument(word: string): Argument {
  const at = word.indexOf("=");
  if (at === -1) return { key: word, values: [] };
  const key = word.slice(0, at);
  const value = word.slice(at + 1);
  if (!value.startsWith("(") || !value.endsWith(")")) return { key, values: [value] };
  return { key, values: splitTopLevel(value.slice(1, -1)) };
}

function splitTopLevel(text: string): string[] {
  const values: string[] = [];
  let depth = 0;
  let value = "";
  for (const char of text) {
    if (char === "(") depth += 1;
    if (char === ")") depth -= 1;
    if (char === "," && depth === 0) {
      values.push(value.trim());
      value = "";
    } else {
      value += char;
    }
  }
  values.push(value.trim());
  return values.length === 1 && values[0] === "" ? [] : values;
}

export function parseBoolean(text: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw new Error(`not a boolean: ${text}`);
}
