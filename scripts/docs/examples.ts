import { type Block, readPage } from "./markdown.ts";

/** Returns the blocks of code in the doc comments of a source file, with their lines in that file. */
export function readExamples(path: string, source: string): readonly Block[] {
  let isComment = false;
  const lines = source.split("\n").map((line) => {
    const text = line.trim();
    if (text.startsWith("/**")) isComment = true;
    const inside = isComment ? text.replace(/^\/?\*+ ?/, "") : "";
    if (text.endsWith("*/")) isComment = false;
    return inside;
  });
  return readPage(path, lines.join("\n")).blocks;
}
