import { describe, expect, it } from "vitest";
import { compare } from "./differential/run.ts";
import { isInstalled } from "./support/real-etcd.ts";

const hasEtcd = isInstalled("etcd");

describe.skipIf(!hasEtcd)("beside a real etcd (needs etcd)", () => {
  // `npm run differential -- --ops 20000 --seed S` is the long form.
  it.each([1, 2])(
    "random calls are answered alike (seed %i)",
    async (seed) => {
      expect(await compare(400, seed)).toEqual({ operations: 400, mismatches: [] });
    },
    120_000,
  );
});
