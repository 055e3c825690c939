import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compact } from "../../src/cli/client/compact.ts";
import { del } from "../../src/cli/client/del.ts";
import { get } from "../../src/cli/client/get.ts";
import { lease } from "../../src/cli/client/lease.ts";
import { member } from "../../src/cli/client/member.ts";
import { put } from "../../src/cli/client/put.ts";
import { snapshot } from "../../src/cli/client/snapshot.ts";
import { status } from "../../src/cli/client/status.ts";
import { txn } from "../../src/cli/client/txn.ts";
import { watch } from "../../src/cli/client/watch.ts";
import type { Command } from "../../src/cli/command.ts";
import { type EtcdServer, serveEtcd } from "../../src/etcd/server.ts";
import { open } from "../../src/open.ts";
import type { Store } from "../../src/store.ts";

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), "quorate-client-"));
let store: Store<string>;
let server: EtcdServer;

beforeAll(async () => {
  store = await open({ name: "n1", peers: { n1: "127.0.0.1:0" } });
  await store.ready();
  server = await serveEtcd(store, { listen: { host: "127.0.0.1", port: 0 } });
});
afterAll(async () => {
  await server.close();
  await store.close();
  rmSync(directory, { recursive: true });
});

/** Runs a command here, and gives what it prints and ends with. */
async function quorate(
  command: Command,
  ...args: readonly string[]
): Promise<{ text: string; code: number }> {
  let text = "";
  const code = await command.run([...args, "--endpoints", server.urls.join(",")], (printed) => {
    text += printed;
  });
  return { text, code };
}

async function json<Value>(command: Command, ...args: readonly string[]): Promise<Value> {
  return JSON.parse((await quorate(command, ...args, "--json")).text) as Value;
}

test("keys are put, read and deleted", async () => {
  expect(await quorate(put, "c/a", "one")).toEqual({ text: "OK\n", code: 0 });
  expect(await quorate(put, "c/a", "two", "--prev")).toEqual({ text: "OK\nc/a\none\n", code: 0 });
  await quorate(put, "c/b", "three");
  expect((await quorate(get, "c/a")).text).toBe("c/a\ntwo\n");
  expect((await quorate(get, "c/", "--prefix", "--keys-only", "--reverse")).text).toBe("c/b\nc/a\n");
  expect((await quorate(get, "c/b", "--print-value-only")).text).toBe("three\n");
  expect((await quorate(get, "c/", "--prefix", "--count-only")).text).toBe("2\n");
  const found = await json<{ revision: number; entries: unknown[] }>(get, "c/", "--prefix", "--limit", "1");
  expect(found.entries).toMatchObject([{ key: "c/a", value: "two", version: 2 }]);
  expect((await quorate(get, "c/a", "--rev", String(found.revision - 2), "--print-value-only")).text).toBe(
    "one\n",
  );
  expect((await quorate(del, "c/", "--prefix")).text).toBe("2\n");
  expect((await quorate(get, "c/a")).text).toBe("");
});

test("who asks does not matter where users do not count, as to etcdctl", async () => {
  expect(await quorate(put, "u", "v", "--user", "root:pw")).toEqual({ text: "OK\n", code: 0 });
});

test("the help keeps its columns", () => {
  expect(lease.help).toContain("\n\n  grant SECONDS   grants a lease");
  expect(get.help).toContain("\n\nPrints key and value");
});

test("conditions that do not hold end with 1", async () => {
  await quorate(put, "d", "1", "--if-missing");
  expect((await quorate(put, "d", "2", "--if-missing")).code).toBe(1);
  expect((await quorate(get, "d", "--print-value-only")).text).toBe("1\n");
});

test("a transaction is told by claims and operations", async () => {
  const first = ["--when", "missing(t/leader)", "--do", 'put t/leader "n 1"', "--otherwise", "get t/leader"];
  expect((await quorate(txn, ...first)).text).toBe("SUCCESS\n\nOK\n");
  expect((await quorate(txn, ...first)).text).toBe("FAILURE\n\nt/leader\nn 1\n");
  const second = [
    "--when",
    'value(t/leader) = "n 1"',
    "--when",
    "version(t/leader) < 2",
    "--do",
    "del t/leader",
  ];
  expect(await json(txn, ...second)).toMatchObject({ ok: true, results: [1] });
  for (const wrong of ["exists t", "size(t) = 1", "mod(t) = x", "value(t)"]) {
    await expect(quorate(txn, "--when", wrong, "--do", "get t")).rejects.toThrow();
  }
  for (const wrong of ["put t", "get", "move a b", "get a b"]) {
    await expect(quorate(txn, "--do", wrong)).rejects.toThrow("is no operation");
  }
});

test("changes are watched from a revision on", async () => {
  const { revision } = await json<{ revision: number }>(put, "w", "1");
  await quorate(del, "w");
  const watched = ["w", "--rev", String(revision), "--count", "2"];
  expect((await quorate(watch, ...watched)).text).toBe("PUT\nw\n1\nDELETE\nw\n");
  const lines = (await quorate(watch, ...watched, "--json")).text.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
    { type: "put", revision, entry: { key: "w", value: "1" } },
    { type: "delete", revision: revision + 1, key: "w" },
  ]);
});

test("leases are granted, shown, listed and revoked", async () => {
  const { id, ttl } = await json<{ id: string; ttl: number }>(lease, "grant", "30");
  expect(ttl).toBe(30_000);
  await quorate(put, "l", "1", "--lease", id);
  expect(await json(lease, "show", id)).toMatchObject({ id, keys: ["l"] });
  expect((await quorate(lease, "list")).text).toContain(id);
  expect((await quorate(lease, "revoke", id)).text).toBe("1\n");
  expect((await quorate(lease, "show", id)).code).toBe(1);
});

test("members are listed, added and removed", async () => {
  expect((await quorate(member, "list")).text).toMatch(
    /^ID +NAME +ROLE +PEERS +CLIENTS\n[0-9a-f]+ +n1 +voter/,
  );
  const added = await json<{ id: string }>(member, "add", "--peer-urls", "http://127.0.0.1:9", "--learner");
  expect((await quorate(member, "list")).text).toContain("(not started)");
  expect((await quorate(member, "remove", added.id)).text).toBe("OK\n");
  expect(await json<unknown[]>(member, "list")).toHaveLength(1);
  expect((await quorate(member, "remove", "1")).code).toBe(1);
});

test("a server tells how it is, and one that does not answer ends with 1", async () => {
  const well = await quorate(status);
  expect(well.code).toBe(0);
  expect(well.text).toMatch(
    /^ENDPOINT +MEMBER +VERSION +ROLE .*\n127\.0\.0\.1:\d+ +[0-9a-f]+ +3\.\d+\.\d+ +leader/,
  );
  let text = "";
  const code = await status.run(
    ["--endpoints", "127.0.0.1:1", "--command-timeout", "1", "--json"],
    (printed) => {
      text += printed;
    },
  );
  expect(code).toBe(1);
  expect(JSON.parse(text)).toMatchObject([{ endpoint: "127.0.0.1:1", error: expect.any(String) }]);
});

test("a snapshot is a file that is there when it is complete", async () => {
  const file = join(directory, "state");
  const { bytes } = await json<{ bytes: number }>(snapshot, file);
  expect(readFileSync(file).length).toBe(bytes);
  expect(bytes).toBeGreaterThan(100);
});

test("history is given up on request", async () => {
  const { revision } = await json<{ revision: number }>(put, "h", "1");
  expect((await quorate(compact, String(revision))).text).toBe("OK\n");
  expect((await quorate(compact, String(revision))).code).toBe(1);
});

test("the program finds its servers in the environment, and explains each command", async () => {
  const program = ["--import", "tsx", "src/cli/main.ts"];
  const env = { ...process.env, ETCDCTL_ENDPOINTS: server.urls.join(",") };
  await run(process.execPath, [...program, "put", "e", "1"], { env });
  const { stdout } = await run(process.execPath, [...program, "get", "e"], { env });
  expect(stdout).toBe("e\n1\n");
  const help = execFileSync(process.execPath, [...program, "lease", "--help"], { encoding: "utf8" });
  expect(help).toContain("Usage: quorate lease grant SECONDS");
}, 30_000);

test("each command explains itself, with the flags that all of them take", () => {
  for (const command of [get, put, del, watch, txn, lease, compact, member, status, snapshot]) {
    expect(command.help, command.name).toMatch(new RegExp(`^Usage: quorate ${command.name}\\b`));
    for (const flag of ["--endpoints", "--cacert, --cert, --key", "--user", "--command-timeout", "--json"])
      expect(command.help, command.name).toContain(flag);
  }
});

test("what the system or the command line makes impossible ends in a sentence, not in a trace", async () => {
  const program = async (...args: string[]) => {
    const env = { ...process.env, QUORATE_ENDPOINTS: server.urls.join(",") };
    const command = ["--import", "tsx", "src/cli/main.ts", ...args];
    return run(process.execPath, command, { env }).catch((error: { code: number; stderr: string }) => error);
  };
  const outcomes = await Promise.all([
    program("snapshot", join(directory, "no such folder", "state")),
    program("get", "a", "--endpoints", "https://127.0.0.1:1", "--cacert", join(directory, "no.pem")),
    program("get", "a", "--endpoints", "%%%"),
    program("get", "a", "--cert", "cert.pem"),
    program("fly"),
  ]);
  expect(outcomes).toMatchObject([
    {
      code: 1,
      stderr: expect.stringMatching(
        /^quorate: ERR_DISK: cannot write .*state: there is no such file or directory\n$/,
      ),
    },
    {
      stderr: expect.stringMatching(
        /^quorate: ERR_INVALID_ARGUMENT: the TLS ca of .*no\.pem cannot be used: there is no such file.*\n$/,
      ),
    },
    { code: 2, stderr: 'quorate: "%%%" is no endpoint; see quorate get --help\n' },
    { code: 2, stderr: "quorate: --cert and --key belong together; see quorate get --help\n" },
    { code: 2, stderr: 'quorate: there is no command "fly"; see quorate --help\n' },
  ]);
}, 30_000);

test("a snapshot that fails on the way leaves nothing behind", async () => {
  const file = join(directory, "unfinished");
  const closed = await open({});
  const other = await serveEtcd(closed, { listen: { host: "127.0.0.1", port: 0 } });
  await other.close();
  await closed.close();
  const code = await snapshot.run([file, "--endpoints", other.urls[0]!, "--command-timeout", "1"], () => {});
  expect(code).toBe(1);
  expect(readdirSync(directory).filter((name) => name.startsWith("unfinished"))).toEqual([]);
});

test("words that make no sense are refused", async () => {
  await expect(quorate(get)).rejects.toThrow("KEY is missing");
  await expect(quorate(get, "a", "b")).rejects.toThrow('"b" is one word too many');
  await expect(quorate(get, "a", "--rev", "x")).rejects.toThrow("--rev must be a whole number");
  await expect(quorate(get, "a", "--unknown")).rejects.toThrow("--unknown");
  await expect(quorate(lease, "give")).rejects.toThrow("grant, revoke, show, list or hold");
});
