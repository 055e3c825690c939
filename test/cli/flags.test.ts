import { expect, test } from "vitest";
import { del } from "../../src/cli/client/del.ts";
import { get } from "../../src/cli/client/get.ts";
import { UsageError } from "../../src/cli/command.ts";
import { restore } from "../../src/cli/restore.ts";
import { verify } from "../../src/cli/verify.ts";

const nothing = () => {};

test("a flag that does not exist is answered with the nearest one", async () => {
  const cases = [
    [del, ["a", "--prefx"], "there is no flag --prefx; did you mean --prefix?"],
    [get, ["a", "--limt", "1"], "there is no flag --limt; did you mean --limit?"],
    [restore, ["backup", "--too", "x"], "there is no flag --too; did you mean --to?"],
    [verify, ["dir", "--jsn"], "there is no flag --jsn; did you mean --json?"],
    [get, ["a", "--colour"], "there is no flag --colour"],
  ] as const;
  for (const [command, args, message] of cases) {
    const ended = Promise.resolve().then(() => command.run(args, nothing));
    await expect(ended).rejects.toThrow(new UsageError(message));
  }
});

test("an empty KEY deletes nothing: every key is meant by --all alone", async () => {
  for (const args of [["", "--prefix"], ["", "--from-key"], [""], ["a", "--all"], ["--all", "--prefix"]]) {
    await expect(del.run([...args, "--endpoints", "127.0.0.1:1"], nothing)).rejects.toBeInstanceOf(
      UsageError,
    );
  }
});
