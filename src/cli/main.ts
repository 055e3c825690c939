#!/usr/bin/env node
import { createRequire } from "node:module";

const HELP = `quorate: replicated, crash-safe storage inside your Node.js processes

Usage: quorate [--help | --version]

The library is what you embed: https://www.npmjs.com/package/quorate
`;

const { version } = createRequire(import.meta.url)("quorate/package.json") as { version: string };
const [argument] = process.argv.slice(2);

if (argument === "--version" || argument === "-v") process.stdout.write(`${version}\n`);
else if (argument === undefined || argument === "--help" || argument === "-h") process.stdout.write(HELP);
else {
  process.stderr.write(`quorate: there is no command "${argument}"; see quorate --help\n`);
  process.exitCode = 2;
}
