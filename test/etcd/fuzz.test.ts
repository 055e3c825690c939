import { expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import { attack } from "./fuzz/attack.ts";

/** Every way to fail that a client may be told of. Unknown is for what etcd has no code for. */
const CODES = [0, 1, 2, 3, 4, 5, 8, 9, 11, 12, 13, 14];

// `npx tsx scripts/fuzz-etcd.ts` is the long form.
it("random messages, frames and requests neither break the server nor make it call something a bug", async () => {
  const { sent, codes, bugs } = await attack(3_000, new Random(1));
  expect(sent).toBeGreaterThanOrEqual(3_000);
  expect(bugs).toEqual([]);
  for (const code of codes.keys()) {
    if (code !== "none" && !code.startsWith("http")) expect(CODES).toContain(Number(code));
  }
}, 120_000);
