import { replayFolder } from "./replay.ts";

/** Replays etcd-raft's scenario files against the core: `main.ts DIR [--with-logs]`. Exit code 1 when one differs. */
const [folder, ...flags] = process.argv.slice(2);
if (folder === undefined || flags.some((flag) => flag !== "--with-logs")) {
  console.error("usage: conformance DIR [--with-logs]");
  process.exit(2);
}

const replays = replayFolder(folder, flags.includes("--with-logs"));
const failed = replays.filter(({ difference }) => difference !== null);
for (const { file, difference } of failed) {
  console.log(`${file}:${difference!.line}: ${difference!.command}\n${difference!.diff}\n`);
}
console.log(`${replays.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
