import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { backup } from "../../../src/cli/backup.ts";
import { restore } from "../../../src/cli/restore.ts";
import { connect } from "../../../src/client/connect.ts";
import { open } from "../../../src/open.ts";
import { type Served, ServedWorld } from "./served.ts";

const run = promisify(execFile);

let root: string;
let file: string;
let world: ServedWorld;
beforeEach(async () => {
  world = new ServedWorld();
  root = mkdtempSync(join(tmpdir(), "quorate-restored-"));
  const store = await open(join(root, "lost"));
  await store.ready();
  await store.put("a", "1");
  await store.close();
  file = join(root, "store.backup");
  await printed(backup, join(root, "lost"), file);
});
afterEach(async () => {
  await world.end();
  rmSync(root, { recursive: true, force: true });
});

test("the server's command that restore prints starts the restored members, on each start", async () => {
  const places = await world.places("n1", "n2", "n3");
  const peers = places.map(({ name, peer }) => `${name}=${peer.replace("http://", "")}`).join(",");
  const commands: string[] = [];
  for (const { name } of places) {
    const to = join(root, `it's ${name}`);
    const text = await printed(restore, file, "--to", to, "--name", name, "--peers", peers);
    commands.push(/^ {2}quorate (serve .*)$/m.exec(text)![1]!);
  }
  for (let start = 0; start < 2; start++) {
    const servers: Served[] = [];
    for (const [at, place] of places.entries()) {
      // A shell takes the line apart.
      const { stdout } = await run("sh", ["-c", `printf '%s\\0' ${commands[at]}`]);
      const [, ...args] = stdout.split("\0").slice(0, -1);
      servers.push(world.serve(place, args, { ETCD_LISTEN_CLIENT_URLS: place.client }));
    }
    await Promise.all(servers.map((server) => server.ready()));
    const client = await connect({ endpoints: places.map(({ client: url }) => url.replace("http://", "")) });
    expect(await client.get("a")).toBe("1");
    await client.close();
    await Promise.all(servers.map((server) => server.end("SIGTERM")));
  }
  expect(existsSync(join(root, "it's n1", "member"))).toBe(false);
});

test("the program's line that restore prints opens the restored member", async () => {
  const text = await printed(restore, file, "--to", join(root, "alone"));
  const options = JSON.parse(/^ {2}open\((.*)\)$/m.exec(text)![1]!);
  const store = await open(options);
  await store.ready();
  expect(await store.get("a")).toBe("1");
  await store.close();
});

test("a server that is started in a restored directory without the printed flags is refused, and not empty", async () => {
  const [place] = await world.places("n1");
  await printed(restore, file, "--to", join(world.directory, "n1"));
  const server = world.serve(place!, world.flags(place!, [place!]));
  expect(await server.ended).toBe(1);
  expect(server.log).toContain("belongs to");
});

async function printed(
  command: { run(args: readonly string[], print: (text: string) => void): unknown },
  ...args: readonly string[]
): Promise<string> {
  let text = "";
  await command.run(args, (piece) => {
    text += piece;
  });
  return text;
}
