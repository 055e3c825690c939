import {
  cpSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import net from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Done } from "../../../src/base/callback.ts";
import { QuorateError } from "../../../src/base/errors.ts";
import { NodeFiles, type NodeFilesOptions } from "../../../src/storage/files/node-files.ts";
import type { LockOwner } from "../../../src/storage/lock/node-lock-owner.ts";
import { bundled, contained, hasNamespaces, LineProcess, onOtherHost } from "./lock-processes.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-lock-"));
const program = join(root, "lock-process.mjs");
const processes: LineProcess[] = [];

beforeAll(async () => {
  await bundled(join(import.meta.dirname, "lock-process.ts"), program);
});
afterAll(async () => {
  await Promise.all(processes.map((each) => each.kill()));
  rmSync(root, { recursive: true });
});

describe("the lock of a data directory", () => {
  it("is refused to a second taker in the same process, who learns the holder's number and host", async () => {
    const directory = join(root, "same-process");
    const first = new NodeFiles(directory);
    first.lock();
    const details = { directory, pid: process.pid, host: hostname() };
    for (const error of [caught(() => new NodeFiles(directory).lock()), (await take(directory)).error]) {
      expect(QuorateError.is(error, "ERR_LOCKED") && error.details).toEqual(details);
      expect(String(error)).toContain(
        `data directory ${directory} is locked by process ${process.pid} on host ${hostname()}; stop that process, or pass lockTimeoutMs to wait for it`,
      );
    }
    first.unlock();
    expect(readdirSync(directory)).toEqual([]);
    const { files, error } = await take(directory);
    expect(error).toBeNull();
    files.unlock();
    expect(readdirSync(directory)).toEqual([]);
  });

  it("is refused while another process lives, and taken over at once when that one was killed", async () => {
    const directory = join(root, "killed");
    const child = await started();
    expect(await child.ask(`take 0 ${directory}`)).toBe("ok");
    child.signal("SIGSTOP");
    const refused = await take(directory);
    expect(QuorateError.is(refused.error, "ERR_LOCKED") && refused.error.details.pid).toBe(child.pid);

    await child.kill();
    const { files, error, ms } = await take(directory);
    expect(error).toBeNull();
    expect(ms).toBeLessThan(1_000);
    const { pid, nonce } = JSON.parse(readFileSync(join(directory, "LOCK"), "utf8"));
    expect(pid).toBe(process.pid);
    expect(readdirSync(directory)).toEqual(["LOCK", `LOCK.${nonce}.sock`]);
    files.unlock();
  });

  it("is known to be alive by its holder however many have asked it, while it stands still", async () => {
    const directory = join(root, "backlog");
    const child = await started();
    expect(await child.ask(`take 0 ${directory}`)).toBe("ok");
    child.signal("SIGSTOP");
    const path = join(directory, readdirSync(directory).find((name) => name.endsWith(".sock"))!);
    const sockets = Array.from({ length: 600 }, () => net.connect(path).on("error", () => {}));
    const { error } = await take(directory);
    expect(error?.code).toBe("ERR_LOCKED");
    for (const socket of sockets) socket.destroy();
    await child.kill();
  });

  it("is known to be lost when another one took its place, or took it away: nothing is written from then on", async () => {
    const directory = join(root, "lost");
    const files = new NodeFiles(directory);
    const faults: QuorateError[] = [];
    files.lock();
    files.onLockLost((fault) => faults.push(fault));
    const file = files.openSync("x", "create");
    expect(await called((done) => files.checkLock(done))).toBeNull();
    rmSync(join(directory, "LOCK"));
    const successor = new NodeFiles(directory);
    successor.lock();
    const bytes = Uint8Array.of(1);
    expect((await called((done) => files.checkLock(done)))?.code).toBe("ERR_LOCKED");
    const attempts: readonly ((done: Done) => void)[] = [
      (done) => file.write(bytes, 0, done),
      (done) => files.write("y", bytes, done),
      (done) => files.rename("x", "y", done),
      (done) => files.remove("x", done),
      (done) => files.open("y", "create", done),
    ];
    for (const attempt of attempts) expect((await called(attempt))?.outcome).toBe("unknown");
    for (const attempt of [
      () => files.writeSync("y", bytes),
      () => files.removeSync("x"),
      () => files.renameSync("x", "y"),
    ])
      expect(QuorateError.is(caught(attempt), "ERR_LOCKED")).toBe(true);
    expect(faults.map(({ code }) => code)).toEqual(["ERR_LOCKED"]);
    expect(file.sizeSync()).toBe(0);
    file.close();
    files.unlock();
    expect(await called((done) => successor.checkLock(done))).toBeNull();
    successor.unlock();
  });

  it("of a copied directory holds nobody", async () => {
    const directory = join(root, "copied");
    const files = new NodeFiles(directory);
    files.lock();
    cpSync(join(directory, "LOCK"), join(root, "copy", "LOCK"));
    const { files: copy, error, ms } = await take(join(root, "copy"));
    expect(error).toBeNull();
    expect(ms).toBeLessThan(1_000);
    copy.unlock();
    files.unlock();
  });

  it("is held by nobody when its process number belongs to a younger process", () => {
    const directory = join(root, "reused");
    leaveLock(directory, "LOCK", { pid: process.pid, startTime: "1" });
    const files = new NodeFiles(directory);
    files.lock();
    files.unlock();
  });

  it("is left alone when it is not ours to read", async () => {
    const directory = join(root, "foreign");
    mkdirSync(directory);
    writeFileSync(join(directory, "LOCK"), "somebody else's");
    const { error } = await take(directory);
    expect(QuorateError.is(error, "ERR_LOCKED") && error.details.pid).toBeUndefined();
    expect(readdirSync(directory)).toEqual(["LOCK"]);
  });

  it("works in a directory whose path is too long for a socket", async () => {
    const directory = join(root, "deep".repeat(30), "deeper".repeat(20));
    mkdirSync(directory, { recursive: true });
    const child = await started();
    expect(await child.ask(`take 0 ${directory}`)).toBe("ok");
    expect(readdirSync(directory).filter((name) => name.endsWith(".sock"))).toHaveLength(1);
    child.signal("SIGSTOP");
    expect((await take(directory)).error?.code).toBe("ERR_LOCKED");
    await child.kill();
    const { files, error, ms } = await take(directory);
    expect(error).toBeNull();
    expect(ms).toBeLessThan(1_000);
    files.unlock();
  });

  it("is waited for as long as lockTimeoutMs says, and the waiting is reported with the holder", async () => {
    const directory = join(root, "waiting");
    const child = await started();
    expect(await child.ask(`take 0 ${directory}`)).toBe("ok");
    const short = await take(directory, { lockTimeoutMs: 300 });
    expect(short.error?.code).toBe("ERR_LOCKED");
    expect(short.ms).toBeGreaterThan(299);
    expect(readdirSync(directory)).toHaveLength(2); // Waiting makes no files: who is killed meanwhile leaves none.

    const holders: unknown[] = [];
    const onLockWait = (holder: unknown): void => {
      holders.push(holder);
      void child.ask("release");
    };
    const { files, error, ms } = await take(directory, { lockTimeoutMs: 20_000, onLockWait });
    expect(error).toBeNull();
    expect(ms).toBeLessThan(5_000);
    expect(holders).toEqual([{ directory, pid: child.pid, host: hostname() }]);
    files.unlock();
    await child.kill();
  });

  it("goes to exactly one of twenty processes in each of many rounds, however the round began", {
    timeout: 60_000,
  }, async () => {
    const gone = await started();
    await gone.kill();
    const dead = { pid: gone.pid, startTime: "1" };
    const beginnings: readonly ((directory: string) => void)[] = [
      (directory) => mkdirSync(directory),
      (directory) => leaveLock(directory, "LOCK", dead),
      (directory) => {
        // Its successor died as well, in the middle of it.
        leaveLock(directory, "LOCK", dead);
        leaveLock(directory, `LOCK.${NONCE}`, { ...dead, nonce: "b".repeat(16) });
      },
      (directory) => {
        // It died while it gave the lock up.
        leaveLock(directory, "LOCK", dead);
        leaveLock(directory, `LOCK.${NONCE}`, dead);
      },
    ];
    const contestants = await Promise.all(Array.from({ length: 20 }, started));
    for (let round = 0; round < ROUNDS; round++) {
      const directory = join(root, `round-${round}`);
      beginnings[round % beginnings.length]!(directory);
      const answers = await Promise.all(contestants.map((each) => each.ask(`take 0 ${directory}`)));
      const winners = answers.flatMap((answer, at) => (answer === "ok" ? [contestants[at]!] : []));
      expect(winners, answers.join("\n")).toHaveLength(1);
      expect(answers.filter((answer) => answer.startsWith("ERR_LOCKED"))).toHaveLength(19);
      expect(await winners[0]!.ask("write mine")).toBe("ok");
      const names = readdirSync(directory).filter((name) => !name.startsWith("LOCK."));
      expect(names).toEqual(["LOCK", "written"]);
      await winners[0]!.ask("release");
      expect(existsSync(join(directory, "LOCK"))).toBe(false);
    }
    await Promise.all(contestants.map((each) => each.kill()));
  });
});

describe.skipIf(!hasNamespaces)("the lock between containers (needs root on Linux)", () => {
  const bootId = join(root, "boot-id");
  beforeAll(() => writeFileSync(bootId, "00000000-0000-4000-8000-000000000000\n"));

  it("is refused to the same process number in another pid namespace, and not delayed after a kill", async () => {
    const directory = join(root, "pid-namespaces");
    const first = await started(contained);
    expect(await first.ask(`take 0 ${directory}`)).toBe("ok");
    expect(JSON.parse(readFileSync(join(directory, "LOCK"), "utf8")).pid).toBe(1);
    const second = await started(contained);
    expect(await second.ask(`take 0 ${directory}`)).toBe(`ERR_LOCKED 1 ${hostname()}`);
    await first.kill(); // Of `unshare`; the process in it is gone a moment later.
    const begin = performance.now();
    expect(await second.ask(`take 2000 ${directory}`)).toBe("waiting");
    expect(await second.line()).toBe("ok");
    expect(performance.now() - begin).toBeLessThan(1_000);
    await second.kill();
  });

  it("is refused as well where /proc is another namespace's", async () => {
    const directory = join(root, "foreign-proc");
    const plain = (command: readonly string[]): [string, string[]] => [
      "unshare",
      ["-p", "-f", "--kill-child=SIGKILL", ...command],
    ];
    const first = await started(plain);
    expect(await first.ask(`take 0 ${directory}`)).toBe("ok");
    const second = await started(plain);
    expect(await second.ask(`take 0 ${directory}`)).toBe(`ERR_LOCKED 1 ${hostname()}`);
    await first.kill();
    await second.kill();
  });

  it("is refused on another host while the holder shows that it lives", async () => {
    const directory = join(root, "hosts");
    const [first, second] = await twoHosts();
    expect(await first.ask(`take 0 ${directory}`)).toBe("ok");
    const begin = performance.now();
    expect(await second.ask(`take 0 ${directory}`)).toBe(`ERR_LOCKED 1 ${hostname()}`);
    expect(performance.now() - begin).toBeLessThan(4_000);
  });

  it.concurrent("is taken over on another host from a holder that stands still, which writes nothing when it goes on", async () => {
    const directory = join(root, "stalled");
    const [first, second] = await twoHosts();
    expect(await first.ask(`take 0 ${directory}`)).toBe("ok");
    const blocked = first.ask("block 9000");
    expect(await second.ask(`take 0 ${directory}`)).toBe("ok");
    expect(await second.ask("write second")).toBe("ok");
    expect(await blocked).toBe("ok");
    expect(await first.ask("write first")).toBe(`ERR_LOCKED 1 ${hostname()}`);
    expect(readFileSync(join(directory, "written"), "utf8")).toBe("second");
  });

  it.concurrent("of a host that is gone is watched for five seconds before it is taken over", async () => {
    const directory = join(root, "gone");
    const [first, second] = await twoHosts();
    expect(await first.ask(`take 0 ${directory}`)).toBe("ok");
    await first.kill();
    const begin = performance.now();
    expect(await second.ask(`take 0 ${directory}`)).toBe("ok");
    expect(performance.now() - begin).toBeGreaterThan(4_900);
  });

  const twoHosts = async () =>
    [await started(contained), await started((command) => onOtherHost(bootId, command))] as const;
});

/** Enough to meet each beginning three times. */
const ROUNDS = 12;

const NONCE = "a".repeat(16);

/** Leaves a lock file behind, as a process does that was killed. */
function leaveLock(directory: string, name: string, change: Partial<LockOwner>): void {
  mkdirSync(directory, { recursive: true });
  const files = new NodeFiles(join(root, "pattern"));
  files.lock();
  const pattern = JSON.parse(readFileSync(join(root, "pattern", "LOCK"), "utf8")) as LockOwner;
  files.unlock();
  const descriptor = openSync(join(directory, name), "w");
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  const place = { device: String(dev), inode: String(ino) };
  const owner: LockOwner = { ...pattern, nonce: NONCE, hasSocket: false, ...place, ...change };
  writeSync(descriptor, JSON.stringify(owner));
}

async function started(
  around: (command: readonly string[]) => [string, string[]] = ([command, ...args]) => [command!, args],
): Promise<LineProcess> {
  const child = new LineProcess(...around([process.execPath, program]));
  processes.push(child);
  expect(await child.line()).toBe("ready");
  return child;
}

async function take(directory: string, options: NodeFilesOptions = {}) {
  const files = new NodeFiles(directory, options);
  const begin = performance.now();
  const error = await called((done) => files.lockWhenFree(done));
  return { files, error, ms: performance.now() - begin };
}

function called(begin: (done: Done) => void): Promise<QuorateError | null> {
  return new Promise((resolve) => begin(resolve));
}

function caught(deed: () => void): unknown {
  try {
    deed();
    return null;
  } catch (error) {
    return error;
  }
}
