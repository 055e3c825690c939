import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { NodeFiles } from "../../src/storage/node-files.ts";

const TAKER = new URL("lock-taker.ts", import.meta.url).pathname;

describe("the lock of a data directory", () => {
  const root = mkdtempSync(join(tmpdir(), "quorate-lock-"));
  const children: Taker[] = [];
  afterAll(() => {
    for (const child of children) child.kill();
    rmSync(root, { recursive: true });
  });
  const taker = (directories: readonly string[]): Taker => {
    const child = new Taker(directories);
    children.push(child);
    return child;
  };

  it("is refused to a second taker in the same process, who learns the holder's number", () => {
    const directory = join(root, "same-process");
    const first = new NodeFiles(directory);
    first.lock();
    const error = failureOf(() => new NodeFiles(directory).lock());
    expect(QuorateError.is(error, "ERR_LOCKED") && error.details).toEqual({ directory, pid: process.pid });
    first.unlock();
    expect(existsSync(join(directory, "LOCK"))).toBe(false);
    new NodeFiles(directory).lock();
  });

  it("is refused while another process lives, and taken over at once when that one was killed", async () => {
    const directory = join(root, "killed");
    const child = taker([directory]);
    expect(await child.take()).toEqual([directory]);

    const error = failureOf(() => new NodeFiles(directory).lock());
    expect(QuorateError.is(error, "ERR_LOCKED") && error.details.pid).toBe(child.pid);

    await child.killed();
    new NodeFiles(directory).lock();
    expect(JSON.parse(readFileSync(join(directory, "LOCK"), "utf8")).pid).toBe(process.pid);
    expect(readdirSync(directory)).toEqual(["LOCK"]);
  });

  it("is known to be lost when another one took its place, or took it away", async () => {
    const directory = join(root, "lost");
    const files = new NodeFiles(directory);
    const check = () => new Promise<QuorateError | null>((resolve) => files.checkLock(resolve));
    files.lock();
    expect(await check()).toBeNull();
    rmSync(join(directory, "LOCK"));
    expect((await check())?.code).toBe("ERR_LOCKED");
    new NodeFiles(directory).lock();
    expect((await check())?.details).toEqual({ directory, pid: process.pid });
  });

  it("is held by nobody when its process number belongs to a younger process, or to an earlier run of the machine", () => {
    const directory = join(root, "reused");
    mkdirSync(directory);
    for (const change of [{ startTime: "1" }, { bootId: "another" }]) {
      const files = new NodeFiles(directory);
      files.lock();
      const owner = JSON.parse(readFileSync(join(directory, "LOCK"), "utf8"));
      writeFileSync(join(directory, "LOCK"), JSON.stringify({ ...owner, ...change }));
      const next = new NodeFiles(directory);
      next.lock();
      next.unlock();
    }
  });

  it("is left alone when it is not ours to read", () => {
    const directory = join(root, "foreign");
    mkdirSync(directory);
    writeFileSync(join(directory, "LOCK"), "somebody else's");
    const error = failureOf(() => new NodeFiles(directory).lock());
    expect(QuorateError.is(error, "ERR_LOCKED") && error.details.pid).toBe(null);
  });

  it("goes to one of many who find its holder dead, even where one of them died while taking it over", async () => {
    const dead = taker([]);
    const owner = { pid: dead.pid, startTime: "1", bootId: "", nonce: "a".repeat(16) };
    await dead.killed();
    const directories = Array.from({ length: 40 }, (_, at) => join(root, `contest-${at}`));
    for (const [at, directory] of directories.entries()) {
      mkdirSync(directory);
      writeFileSync(join(directory, "LOCK"), JSON.stringify(owner));
      const heir = { ...owner, nonce: "b".repeat(16) };
      if (at % 2 === 0) writeFileSync(join(directory, `LOCK.${owner.nonce}`), JSON.stringify(heir));
    }
    const contestants = [1, 2, 3].map(() => taker(directories));
    const won = (await Promise.all(contestants.map((child) => child.take()))).flat();
    expect(won.sort()).toEqual([...directories].sort());
    for (const directory of directories) expect(readdirSync(directory)).toEqual(["LOCK"]);
  });
});

/** A process that takes locks when it is told to. */
class Taker {
  readonly #child: ChildProcess;
  #output = "";

  constructor(directories: readonly string[]) {
    this.#child = spawn(process.execPath, ["--import", "tsx", TAKER, ...directories], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout!.on("data", (text: Buffer) => {
      this.#output += text.toString();
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async take(): Promise<string[]> {
    await this.#said("ready");
    this.#child.stdin!.write("go\n");
    await this.#said("done");
    return this.#output.split("\n").filter((line) => line !== "" && line !== "ready" && line !== "done");
  }

  async killed(): Promise<void> {
    const exit = new Promise((resolve) => this.#child.once("exit", resolve));
    this.kill();
    await exit;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async #said(word: string): Promise<void> {
    while (!this.#output.split("\n").includes(word)) {
      await new Promise((resolve) => this.#child.stdout!.once("data", resolve));
    }
  }
}

function failureOf(deed: () => void): unknown {
  try {
    deed();
    return null;
  } catch (error) {
    return error;
  }
}
