import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { unifiedDiff } from "./etcd-corpus/unified-diff.ts";
import { answerScenario } from "./scenarios/scenario.ts";

const FOLDER = new URL("./scenarios/", import.meta.url);

describe("members do what the scenarios tell", () => {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".txt"))) {
    const name = file.slice(0, -".txt".length);
    it(name.replaceAll("_", " "), () => {
      const text = readFileSync(new URL(file, FOLDER), "utf8");
      const answered = answerScenario(text);
      if (answered === text) return;
      expect.fail(`${file}\n${unifiedDiff(text, answered)}\n\nif this is right: npm run accept ${name}`);
    });
  }
});
