import { QuorateError } from "../../../src/base/errors.ts";

/** An opening that takes longer than this hangs. */
const HANG_MS = 1000;
const FINDINGS_MAX = 20;

/** What must never happen. */
export type Fault = "silent loss" | "untyped error" | "hang";

export interface Finding {
  readonly fault: Fault;
  /** Which case it was, with the seed, and what was wrong. */
  readonly text: string;
}

/** What became of the cases of a torture. Each is counted once: as intact, refused, dropped, repaired or a fault. */
export class Tally {
  cases = 0;
  /** All that was acknowledged was found. */
  intact = 0;
  /** Refused with an error that names the place. */
  refused = 0;
  /** The last batch was dropped, and that was allowed. */
  dropped = 0;
  /** Opened with what was proved, and with the word that something may be missing. */
  repaired = 0;
  /** How often each of what must never happen did. */
  readonly faults: Record<Fault, number> = { "silent loss": 0, "untyped error": 0, hang: 0 };
  /** The first of them. */
  readonly findings: Finding[] = [];
  /** Told now and then how many cases are done. */
  readonly #onProgress: (cases: number) => void;

  constructor(onProgress: (cases: number) => void = () => {}) {
    this.#onProgress = onProgress;
  }

  begin(): void {
    this.cases += 1;
    if (this.cases % 1000 === 0) this.#onProgress(this.cases);
  }

  fault(fault: Fault, text: string): void {
    this.faults[fault] += 1;
    if (this.findings.length < FINDINGS_MAX) this.findings.push({ fault, text });
  }

  /** Runs `deed`, which may refuse with one of our own errors; anything else, or a long wait, is a fault. */
  attempt<Value>(where: string, deed: () => Value): { readonly value: Value } | { readonly error: unknown } {
    const begin = performance.now();
    const cpu = process.cpuUsage();
    try {
      return { value: deed() };
    } catch (error) {
      if (!QuorateError.is(error)) this.fault("untyped error", `${where}: ${describe(error)}`);
      return { error };
    } finally {
      // On a machine with other work only the time on the processor says something.
      const { user, system } = process.cpuUsage(cpu);
      if (performance.now() - begin > HANG_MS && (user + system) / 1000 > HANG_MS) this.fault("hang", where);
    }
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
