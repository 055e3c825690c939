import { existsSync, readdirSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export const HELP = `npm start [-- [DIR] [--dir DATA] [--json]]

Runs what etcd does inside Kubernetes on a cluster of three processes, kills its leader three times
while it works, and checks that nothing was lost.

  DIR          a folder of Kubernetes manifests; those of the example by default
  --dir DATA   keep the members' data in this folder, which must be empty or not exist yet;
               by default it is kept in a temporary folder, and removed at the end
  --json       write one JSON object to stdout at the end, and everything else to stderr
  --help       show this text
`;

export interface Options {
  readonly manifests: string;
  /** Null stands for a temporary folder. */
  readonly data: string | null;
  readonly isJson: boolean;
  readonly isHelp: boolean;
}

/** The command line asks for what cannot be done. */
export class BadOptions extends Error {
  override readonly name = "BadOptions";
}

/** Reads the command line; BadOptions if it cannot be followed. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parse(args);
  if (positionals.length > 1)
    throw new BadOptions(`one folder of manifests is expected, not ${positionals.length}`);

  const manifests = positionals[0] ?? fileURLToPath(new URL("manifests", import.meta.url));
  if (!isDirectory(manifests)) throw new BadOptions(`${manifests} is not a folder`);
  const data = values.dir === undefined ? null : resolve(values.dir);
  if (data !== null && !isEmptyOrMissing(data))
    throw new BadOptions(`--dir ${values.dir} is not an empty folder`);
  return { manifests: resolve(manifests), data, isJson: values.json, isHelp: values.help };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        dir: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    throw new BadOptions((error as Error).message);
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

const isEmptyOrMissing = (path: string): boolean =>
  !existsSync(path) || (isDirectory(path) && readdirSync(path).length === 0);
