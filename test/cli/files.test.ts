import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { backup } from "../../src/cli/backup.ts";
import { get } from "../../src/cli/client/get.ts";
import { snapshot } from "../../src/cli/client/snapshot.ts";
import { type Command, UsageError } from "../../src/cli/command.ts";
import { inspect } from "../../src/cli/inspect.ts";
import { restore } from "../../src/cli/restore.ts";
import { serve } from "../../src/cli/serve/serve.ts";
import { sim } from "../../src/cli/sim.ts";
import { verify } from "../../src/cli/verify.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-files-"));
afterAll(() => rmSync(root, { recursive: true }));
const at = (name: string): string => join(root, name);
const [missing, file, beneath, directory] = [at("missing"), at("file"), at("file/x"), at("directory")];
writeFileSync(file, "text");
mkdirSync(directory);

async function errorOf(command: Command, args: readonly string[]): Promise<QuorateError> {
  const ended = Promise.resolve().then(() => command.run(args, () => {}));
  const error = await ended.then(
    (code) => `it ended with ${code}`,
    (reason: unknown) => reason,
  );
  if (QuorateError.is(error)) return error;
  throw new Error(`${command.name} ${args.join(" ")}`, { cause: error });
}

const places = ["--listen-client-urls", "http://127.0.0.1:1", "--data-dir", at("server")];
const https = ["--listen-client-urls", "https://127.0.0.1:1", "--data-dir", at("server")];
const server = ["--endpoints", "127.0.0.1:1", "--command-timeout", "1"];

test.each<readonly [Command, readonly string[]]>([
  ...[verify, inspect].flatMap((command) =>
    [missing, file, beneath, directory].map((place) => [command, [place]] as const),
  ),
  ...[missing, file, beneath, directory].map((place) => [backup, [place, at("out")]] as const),
  ...[missing, file, beneath, directory].map((place) => [restore, [place, "--to", at("new")]] as const),
  ...[file, beneath].map((place) => [restore, [file, "--to", place]] as const),
  ...[missing, file, beneath, directory].map((place) => [get, ["a", "--cacert", place]] as const),
  ...[file, beneath].map((place) => [serve, ["--data-dir", place]] as const),
  ...[join(missing, "x"), beneath, directory].map(
    (place) => [serve, [...places, "--audit-log", place]] as const,
  ),
  ...[missing, beneath, directory].map((place) => [serve, [...places, "--peer-secret-file", place]] as const),
  ...[missing, file, beneath, directory].map(
    (place) => [serve, [...https, "--cert-file", place, "--key-file", place]] as const,
  ),
])(
  "$name: a file that is not what it should be is an error with a code, in words: %#",
  async (command, args) => {
    const { code, message } = await errorOf(command, args);
    expect(code).toMatch(/^ERR_(DISK|CORRUPT|INVALID_ARGUMENT)$/);
    expect(message).not.toMatch(/\bE[A-Z]{3,}\b/);
    expect(message).toContain(root);
  },
);

test("a simulation that cannot begin has not failed: its command line makes no sense", async () => {
  for (const command of ["replay", "run", "shrink", "view", "explain"])
    for (const place of [missing, beneath, directory]) {
      const ended = Promise.resolve().then(() => sim.run([command, place], () => {}));
      await expect(ended).rejects.toThrow(UsageError);
      await expect(ended).rejects.not.toThrow(/\bE[A-Z]{3,}\b/);
    }
  await expect(Promise.resolve(sim.run(["replay", file], () => {}))).rejects.toThrow(UsageError);
});

test("a snapshot that cannot be written fails, and does not take the place of a directory", async () => {
  for (const place of [join(missing, "x"), beneath])
    expect(await snapshot.run([place, ...server], () => {})).toBe(1);
  const ended = Promise.resolve(snapshot.run([directory, ...server], () => {}));
  await expect(ended).rejects.toThrow(UsageError);
});

test("what a shell's empty variable stands for is refused by clients, and a password without a name too", async () => {
  for (const args of [
    ["--cacert", ""],
    ["--cert", "", "--key", ""],
    ["--user", ""],
    ["--endpoints", ""],
    ["--password", "p"],
    ["--user", ":p"],
    ["--endpoints", "http://127.0.0.1:1", "--cacert", file],
  ]) {
    await expect(
      get.run(["a", ...args], () => {}),
      args.join(" "),
    ).rejects.toBeInstanceOf(UsageError);
  }
});
