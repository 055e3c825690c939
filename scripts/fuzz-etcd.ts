/** `npx tsx scripts/fuzz-etcd.ts --messages N --seed S`: random and mutated messages, frames and requests against the etcd front. */
import { parseArgs } from "node:util";
import { Random } from "../src/base/random.ts";
import { attack } from "../test/etcd/fuzz/attack.ts";

const { values } = parseArgs({
  options: { messages: { type: "string", default: "200000" }, seed: { type: "string", default: "1" } },
});
const { sent, codes, bugs, growth } = await attack(Number(values.messages), new Random(Number(values.seed)));
for (const bug of new Set(bugs)) console.log(bug);
console.log(
  [...codes]
    .sort()
    .map(([code, count]) => `${code}: ${count}`)
    .join(", "),
);
console.log(`seed ${values.seed}`);
console.log(`sent ${sent}, crashes 0, bugs ${bugs.length}, memory gained ${Math.round(growth / 1024)} KiB`);
process.exitCode = bugs.length === 0 ? 0 : 1;
