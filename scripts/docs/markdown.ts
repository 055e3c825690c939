/** What a page of documentation claims that a machine can check. */
export interface Page {
  readonly path: string;
  readonly blocks: readonly Block[];
  readonly links: readonly Link[];
}

/** A fenced block of code. */
export interface Block {
  /** Line of its first line of code. */
  readonly line: number;
  readonly language: string;
  /** What stands behind the language, such as `no-run: needs three machines`. */
  readonly info: string;
  readonly code: string;
}

export interface Link {
  readonly line: number;
  readonly target: string;
}

const FENCE = /^(```+)\s*([\w-]*)\s*(.*)$/;
const LINK = /\]\(([^)\s]+)\)/g;

export function readPage(path: string, text: string): Page {
  const blocks: Block[] = [];
  const links: Link[] = [];
  let open: { fence: string; block: Omit<Block, "code">; code: string[] } | null = null;

  for (const [at, content] of text.split("\n").entries()) {
    if (open !== null) {
      if (content.trim() !== open.fence) {
        open.code.push(content);
        continue;
      }
      blocks.push({ ...open.block, code: open.code.join("\n") });
      open = null;
      continue;
    }
    const fence = FENCE.exec(content);
    if (fence !== null) {
      const [, marks, language, info] = fence;
      open = { fence: marks!, block: { line: at + 2, language: language!, info: info!.trim() }, code: [] };
      continue;
    }
    for (const [, target] of content.matchAll(LINK)) links.push({ line: at + 1, target: target! });
  }
  if (open !== null) throw new Error(`${path}:${open.block.line}: a block that never ends`);
  return { path, blocks, links };
}

/** Why a block is not run, or null when it is. A block that is not run must say why. */
export function reasonNotToRun({ info }: Block): string | null {
  if (!info.startsWith("no-run")) return null;
  const reason = /^no-run:\s*(\S.+)$/.exec(info);
  if (reason === null) throw new Error(`a block that is not run says why: "no-run: reason", not "${info}"`);
  return reason[1]!;
}

/** The lines that a block promises to print: what stands behind `// →` after a call of console.log. */
export function promisedOutput({ code }: Block): string[] {
  return code
    .split("\n")
    .map((line) => /console\.log\(.*\/\/ → (.*)$/.exec(line)?.[1])
    .filter((expected) => expected !== undefined);
}
