/** `npm run differential -- --ops N --seed S`: the same random calls, legal and illegal, of a real etcd and of ours. */
import { parseArgs } from "node:util";
import { compare } from "../test/etcd/differential/run.ts";

const { values } = parseArgs({
  options: { ops: { type: "string", default: "2000" }, seed: { type: "string" } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 1_000_000));
const { operations, mismatches } = await compare(Number(values.ops), seed);
for (const { at, call, theirs, ours } of mismatches) {
  console.log(`#${at} ${call}\n  etcd: ${theirs}\n  ours: ${ours}`);
}
console.log(`seed ${seed}`);
console.log(`ops ${operations}, mismatches ${mismatches.length}`);
process.exitCode = mismatches.length === 0 ? 0 : 1;
