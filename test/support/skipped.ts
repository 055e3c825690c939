import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from "vitest/node";

/**
 * Ends a run with a list of what was skipped and why, so that nobody takes a test that did not run for one that passed. A
 * test gives its reason as a note (`context.skip("needs openssl")`) or in a name, its own or that of a suite around it:
 * `(needs etcd and etcdctl)`. One without a reason fails the run, and so does one that needs what QUORATE_PRESENT names:
 * whoever has installed a program wants its tests to run.
 */
export default class SkippedReporter implements Reporter {
  readonly #print: (text: string) => void;
  readonly #present: ReadonlySet<string>;
  /** Whether tests were picked by name: then those that are left out need no reason. */
  #isPartial = false;

  constructor({
    print = (text: string): unknown => process.stdout.write(text),
    present = process.env["QUORATE_PRESENT"] ?? "",
  } = {}) {
    this.#print = print;
    this.#present = new Set(present.split(" ").filter((word) => word !== ""));
  }

  onInit({ config }: Pick<Vitest, "config">): void {
    this.#isPartial = config.testNamePattern !== undefined;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    if (this.#isPartial) return;
    const skipped = modules.flatMap((module) => [...module.children.allTests("skipped")].map(skippedTest));
    if (skipped.length === 0) return;
    const counts = new Map<string, number>();
    for (const { file, reason } of skipped) {
      const line = `${file}: ${reason ?? "no reason is given"}`;
      counts.set(line, (counts.get(line) ?? 0) + 1);
    }
    const lines = [...counts].map(
      ([line, count]) => `  ${line} (${count} ${count === 1 ? "test" : "tests"})\n`,
    );
    this.#print(`\nSkipped, and why:\n${lines.join("")}`);
    this.#judge(skipped);
  }

  #judge(skipped: readonly Skipped[]): void {
    const wrong = skipped.filter(({ reason }) => {
      return reason === null || reason.split(/\W+/).some((word) => this.#present.has(word));
    });
    if (wrong.length === 0) return;
    const names = wrong.map(({ file, name }) => `  ${file}: ${name}\n`);
    this.#print(`\nThese must not be skipped here, or need a reason:\n${names.join("")}`);
    process.exitCode = 1;
  }
}

interface Skipped {
  readonly file: string;
  readonly name: string;
  readonly reason: string | null;
}

const REASON = /\((needs [^)]+)\)/;

function skippedTest(test: TestCase): Skipped {
  const { note } = test.result() as { readonly note?: string };
  const file = test.module.relativeModuleId;
  return { file, name: test.fullName, reason: note ?? reasonInName(test) };
}

function reasonInName(test: TestCase): string | null {
  for (let each: TestCase | TestSuite | TestModule = test; each.type !== "module"; each = each.parent) {
    const found = REASON.exec(each.name)?.[1];
    if (found !== undefined) return found;
  }
  return null;
}
