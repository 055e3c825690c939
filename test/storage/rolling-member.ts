import { open } from "../../src/open.ts";

// A program that counts in its store, as one container of a deployment: says each number that was acknowledged, until it is
// told to end.

const [directory, lockTimeoutMs] = process.argv.slice(2);
const store = await open({
  dir: directory!,
  ...(lockTimeoutMs ? { lockTimeoutMs: Number(lockTimeoutMs) } : {}),
});
await store.ready();
let isEnding = false;
process.stdin.once("data", () => {
  isEnding = true;
  process.stdin.pause();
});

let count = Number((await store.get("count")) ?? 0);
process.stdout.write(`found ${count}\n`);
while (!isEnding) {
  count += 1;
  await store.put(`each/${count}`, String(process.hrtime.bigint()));
  await store.put("count", String(count));
  process.stdout.write(`${count}\n`);
}
await store.close();
process.stdout.write("closed\n");
