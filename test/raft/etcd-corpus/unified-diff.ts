const CONTEXT_LINES = 3;

interface Edit {
  readonly mark: " " | "-" | "+";
  readonly line: string;
}

/** What was expected (-) against what came (+), with a few lines around. */
export function unifiedDiff(expected: string, got: string): string {
  const edits = compareLines(expected.split("\n"), got.split("\n"));
  const isNear = edits.map((_, at) => {
    return edits
      .slice(Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1)
      .some(({ mark }) => mark !== " ");
  });
  return edits
    .filter((_, at) => isNear[at])
    .map(({ mark, line }) => `${mark}${line}`)
    .join("\n");
}

/** The shortest way from one list of lines to the other, by their longest common subsequence. */
function compareLines(left: readonly string[], right: readonly string[]): Edit[] {
  const common = left.map(() => new Array<number>(right.length + 1).fill(0));
  common.push(new Array<number>(right.length + 1).fill(0));
  for (let row = left.length - 1; row >= 0; row--) {
    for (let column = right.length - 1; column >= 0; column--) {
      const isSame = left[row] === right[column];
      common[row]![column] = isSame
        ? common[row + 1]![column + 1]! + 1
        : Math.max(common[row + 1]![column]!, common[row]![column + 1]!);
    }
  }
  const edits: Edit[] = [];
  let row = 0;
  let column = 0;
  while (row < left.length || column < right.length) {
    if (row < left.length && column < right.length && left[row] === right[column]) {
      edits.push({ mark: " ", line: left[row]! });
      row += 1;
      column += 1;
    } else if (
      column === right.length ||
      (row < left.length && common[row + 1]![column]! >= common[row]![column + 1]!)
    ) {
      edits.push({ mark: "-", line: left[row++]! });
    } else {
      edits.push({ mark: "+", line: right[column++]! });
    }
  }
  return edits;
}
