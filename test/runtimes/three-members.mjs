// Three members over TCP, each with a directory, written, closed and opened again. Prints "kept" at the end.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "quorate";
import { tcp } from "quorate/transport/tcp";

const names = ["n1", "n2", "n3"];
const root = mkdtempSync(join(tmpdir(), "quorate-runtime-"));
const addresses = await Promise.all(names.map(freeAddress));
const peers = Object.fromEntries(names.map((name, at) => [name, addresses[at]]));
const secret = "the same 32 random bytes for all members";
const start = (name) =>
  open({ dir: join(root, name), name, peers, transport: tcp({ secret }), values: "json" });

for (const round of [1, 2]) {
  const members = await Promise.all(names.map(start));
  await Promise.all(members.map((member) => member.ready()));
  await Promise.all(
    Array.from({ length: 100 }, (_, at) =>
      members[at % 3].put(`${round}/${at}`, { text: "x".repeat(at * 50) }),
    ),
  );
  const refused = await start("n1").catch((error) => error.code);
  if (refused !== "ERR_LOCKED") throw new Error(`a directory that is open was opened again: ${refused}`);
  await members[1].close();
  await members[0].put("after", round);
  for (const member of [members[0], members[2]]) {
    const entries = await member.range({ prefix: "1/" }).toArray();
    const isWhole =
      entries.length === 100 && entries.every(({ key, value }) => value.text.length === key.slice(2) * 50);
    if (!isWhole || (await member.get("after")) !== round) throw new Error("something is missing");
  }
  await Promise.all([members[0].close(), members[2].close()]);
}
rmSync(root, { recursive: true });
console.log("kept");

function freeAddress() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(`127.0.0.1:${port}`));
    });
  });
}
