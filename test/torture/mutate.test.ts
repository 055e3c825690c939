import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeImage } from "./mutate/images.ts";
import { Judge } from "./mutate/judge.ts";
import { mutateDirectories } from "./mutate/mutate.ts";
import type { Acknowledged } from "./mutate/protocol.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-mutate-"));
afterAll(() => rmSync(root, { recursive: true }));

// `npm run torture:mutate` runs the same for longer.

describe("a directory that a killed process left, with one change", () => {
  it("is served with all that was acknowledged, or refused", { timeout: 180_000 }, async () => {
    const { counts, findings } = await mutateDirectories({
      ...{ folder: join(root, "changed"), copies: root, count: 40, seed: 1, workers: 1 },
      print: () => {},
    });
    expect(findings).toEqual([]);
    expect(counts.right + counts.refused).toBe(40);
    expect(Math.min(counts.right, counts.refused)).toBeGreaterThan(5);
  });

  it("is asked in earnest: a write that is not there is missed", { timeout: 120_000 }, async () => {
    const image = join(root, "invented");
    await makeImage(image, 2, null);
    const invented: Acknowledged = { key: "k0", serial: 1e6, revision: 1e6, at: 0 };
    appendFileSync(join(image, "acknowledged.jsonl"), `${JSON.stringify(invented)}\n`);
    const judge = new Judge();
    const verdicts: string[] = [];
    for (let seed = 1; seed <= 8; seed++) {
      const { verdict } = await judge.judge({ image, copy: join(root, "copy"), seed });
      verdicts.push(verdict);
    }
    judge.close();
    expect(verdicts).toContain("wrong");
    expect(verdicts).not.toContain("right");
  });
});
