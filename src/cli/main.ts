#!/usr/bin/env node
import { createRequire } from "node:module";
import { QuorateError } from "../base/errors.ts";
import { backup } from "./backup.ts";
import { compact } from "./client/compact.ts";
import { del } from "./client/del.ts";
import { get } from "./client/get.ts";
import { lease } from "./client/lease.ts";
import { member } from "./client/member.ts";
import { put } from "./client/put.ts";
import { snapshot } from "./client/snapshot.ts";
import { status } from "./client/status.ts";
import { txn } from "./client/txn.ts";
import { watch } from "./client/watch.ts";
import { type Command, type ExitCode, UsageError } from "./command.ts";
import { fileError, isSystemError } from "./file-error.ts";
import { inspect } from "./inspect.ts";
import { restore } from "./restore.ts";
import { serve } from "./serve/serve.ts";
import { sim } from "./sim.ts";
import { verify } from "./verify.ts";

const CLIENT: readonly Command[] = [get, put, del, watch, txn, lease, compact, member, status, snapshot];
const COMMANDS: readonly Command[] = [serve, ...CLIENT, inspect, verify, backup, restore, sim];

const HELP = `quorate: replicated, crash-safe storage inside your Node.js processes

Usage: quorate COMMAND [--help]
       quorate --help | --version

${COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join("\n")}

Ends with 0, with 1 when something is wrong, with 2 when the command line makes no sense.
The library is what you embed: https://www.npmjs.com/package/quorate
`;

// Whoever reads our output may have seen enough: `quorate inspect DIR | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});

async function main([name, ...args]: readonly string[]): Promise<ExitCode> {
  const print = (text: string): void => void process.stdout.write(text);
  if (name === "--version" || name === "-v") {
    const { version } = createRequire(import.meta.url)("quorate/package.json") as { version: string };
    print(`${version}\n`);
    return 0;
  }
  if (name === undefined || name === "--help" || name === "-h") {
    print(HELP);
    return 0;
  }
  const command = COMMANDS.find((each) => each.name === name);
  if (command === undefined) return refuse(`there is no command "${name}"; see quorate --help`, 2);
  if (args.includes("--help") || args.includes("-h")) {
    print(command.helpFor?.(args) ?? command.help);
    return 0;
  }
  try {
    return await command.run(args, print);
  } catch (error) {
    if (error instanceof UsageError) return refuse(`${error.message}; see quorate ${name} --help`, 2);
    const known = asKnown(error);
    if (QuorateError.is(known)) return refuse(`${known.code}: ${known.message}`, 1);
    throw error;
  }
}

/** What no command has expected the system to refuse is said in the same form. */
function asKnown(error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return fileError(`the system refuses ${error.syscall ?? "a call"} of`, error.path ?? "a file", error);
}

function refuse(reason: string, code: ExitCode): ExitCode {
  process.stderr.write(`quorate: ${reason}\n`);
  return code;
}
