import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DataDirectory } from "../../../src/cli/serve/data-directory.ts";
import { open } from "../../../src/open.ts";
import { decodeTicket } from "../../../src/replica/members/ticket.ts";
import { examineDirectory } from "../../../src/storage/disk/examination.ts";
import { NodeFiles } from "../../../src/storage/files/node-files.ts";
import { tcp } from "../../../src/transport/tcp/tcp-transport.ts";

let path: string;
beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), "quorate-directory-")), "n1.etcd");
});
afterEach(() => rmSync(join(path, ".."), { recursive: true, force: true }));

const PEERS = { n1: "127.0.0.1:0", n2: "127.0.0.1:2", n3: "127.0.0.1:3" };

test("a directory that was not used has no ticket; one in which a cluster was founded has the member's", async () => {
  const directory = new DataDirectory(path);
  expect(directory.ticket).toBeNull();
  const ticket = await directory.found("n1", PEERS, "c");
  expect(directory.ticket).toEqual({ text: ticket, name: "n1" });
  const { members } = decodeTicket(ticket);
  expect(members.map(({ name, votes }) => [name, votes]).sort()).toEqual([
    ["n1", true],
    ["n2", true],
    ["n3", true],
  ]);
  expect(examineDirectory(new NodeFiles(directory.member)).problems).toEqual([]);
  expect(readdirSync(path).sort()).toEqual(["member", "ticket"]);
  for (const private_ of [path, directory.member]) expect(statSync(private_).mode & 0o077).toBe(0);
});

test("a start that broke off before the ticket was written founds the same cluster again", async () => {
  const ticket = await new DataDirectory(path).found("n1", PEERS, "c");
  rmSync(join(path, "ticket"));
  expect(await new DataDirectory(path).found("n1", PEERS, "c")).toBe(ticket);
  // But not another one.
  rmSync(join(path, "ticket"));
  await expect(new DataDirectory(path).found("n1", PEERS, "other")).rejects.toMatchObject({
    code: "ERR_IDENTITY_MISMATCH",
  });
});

test("the member that was founded starts with its ticket alone", async () => {
  const directory = new DataDirectory(path);
  const join = await directory.found("n1", { n1: "127.0.0.1:0" }, "c");
  for (const value of ["1", "2"]) {
    const store = await open({ dir: directory.member, name: "n1", join, transport: tcp() });
    await store.ready();
    expect(await store.get("a")).toBe(value === "1" ? undefined : "1");
    await store.put("a", value);
    await store.close();
  }
});

test.skipIf(process.platform === "win32")(
  "a directory that others may look into is told of (needs modes of files)",
  () => {
    expect(new DataDirectory(path).warning).toBeNull();
    mkdirSync(path, { mode: 0o700 });
    expect(new DataDirectory(path).warning).toBeNull();
    chmodSync(path, 0o750);
    expect(new DataDirectory(path).warning).toBe(
      `${path} has the mode 0750: others on this machine may look into it; 0700 is better`,
    );
  },
);

test("a directory of etcd itself is refused, and left as it is", () => {
  mkdirSync(join(path, "member", "snap"), { recursive: true });
  writeFileSync(join(path, "member", "snap", "db"), "");
  expect(() => new DataDirectory(path).check()).toThrow("make-mirror");
  expect(existsSync(join(path, "ticket"))).toBe(false);
});
