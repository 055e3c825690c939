import { type Command, type ExitCode, parseDirectoryArgs } from "./command.ts";
import { contentLine, examine, holderLine, problemAsJson } from "./examine.ts";

export const verify: Command = {
  name: "verify",
  summary: "Check every checksum and chain of a data directory",
  help: `Usage: quorate verify DIR [--json]

Reads every byte of a data directory that belongs to its store, and checks it as a
start would, and beyond: both copies of the hard state and all snapshots, not only
those that a start needs. Damage is named by file, offset, index and term. Reads only.

  --json      the findings as JSON

Ends with 0 when all is as it was written, with 1 when anything is not.
`,
  async run(args, print): Promise<ExitCode> {
    const { directory, flags } = parseDirectoryArgs(args, []);
    const found = await examine(directory);
    const { problems, content, isUnfinished, holder, segments, snapshots } = found;
    const isIntact = problems.length === 0;
    const frames = segments.reduce((sum, segment) => sum + segment.frames.length, 0);
    if (flags.json) {
      const counts = { segments: segments.length, frames, snapshots: snapshots.length };
      const verdict = { isIntact, canStart: content !== null || isUnfinished, ...counts, holder };
      print(`${JSON.stringify({ ...verdict, problems: problems.map(problemAsJson) }, null, 2)}\n`);
    } else {
      print(holderLine(holder));
      for (const { message } of problems) print(`${message}\n`);
      const counts = `${segments.length} segments, ${frames} frames, ${snapshots.length} snapshots`;
      if (isIntact) print(`intact: ${counts}; ${contentLine(found)}\n`);
      else if (content === null) print(`damaged: a start would refuse this directory\n`);
      else print(`damaged, but a start would find all that was acknowledged: ${contentLine(found)}\n`);
    }
    return isIntact ? 0 : 1;
  },
};
