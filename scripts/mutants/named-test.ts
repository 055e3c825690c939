import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { outputOf } from "./child.ts";
import type { Catch } from "./hunter.ts";
import type { NamedTest } from "./mutant.ts";
import type { Sources } from "./sources.ts";

/** What this script reads of vitest's JSON report. */
interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly Assertion[];
  }[];
}

interface Assertion {
  readonly fullName: string;
  readonly status: "passed" | "failed" | "skipped" | "pending" | "todo" | "disabled";
  readonly failureMessages: readonly string[] | null;
}

/**
 * Runs one test in a copy of the project. Throws when no such test has run: a mutant that nothing looked at is not
 * killed.
 */
export async function runNamedTest(sources: Sources, test: NamedTest): Promise<Catch> {
  const begin = performance.now();
  const report = await reportOf(sources, test);
  const ran = report.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "passed" || status === "failed");
  if (ran.length === 0) {
    const [reason = "no such test"] = report.testResults.map(({ message }) => message).filter(Boolean);
    throw new Error(`test/${test.file} has not run "${test.name}": ${reason}`);
  }
  const failed = ran.find(({ status }) => status === "failed");
  return {
    invariant: failed === undefined ? null : test.file,
    message: failed?.failureMessages?.[0] ?? "",
    seeds: 1,
    steps: ran.length,
    ms: Math.round(performance.now() - begin),
  };
}

async function reportOf(sources: Sources, { file, name }: NamedTest): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), "quorate-report-"));
  try {
    const path = join(folder, "report.json");
    const vitest = join(sources.root, "node_modules/vitest/vitest.mjs");
    const pattern = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const args = [vitest, "run", `test/${file}`, "-t", pattern, "--reporter=json", `--outputFile=${path}`];
    await outputOf(args, { cwd: sources.root, timeout: TIMEOUT_MS, mayFail: true });
    return JSON.parse(readFileSync(path, "utf8")) as Report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const TIMEOUT_MS = 300_000;
