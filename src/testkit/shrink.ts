import type { Action, Scenario } from "./scenario.ts";

export interface ShrinkOptions {
  /** The name of the check that the scenario broke, or null when nothing was broken. */
  readonly run: (scenario: Scenario) => string | null;
  /** Milliseconds that may be spent. */
  readonly budgetMs: number;
  /** Milliseconds that have passed. */
  readonly now: () => number;
}

export interface Shrunk {
  readonly scenario: Scenario;
  /** How many scenarios were run on the way. */
  readonly runs: number;
}

/**
 * Makes a scenario that breaks a check as small as it can in the time given, so that it still breaks the same one:
 * first it leaves out actions, then it takes away what goes wrong by chance, members, and odd settings.
 */
export function shrinkScenario(scenario: Scenario, invariant: string, options: ShrinkOptions): Shrunk {
  return new Shrinker(scenario, invariant, options).shrink();
}

const CALM_MS = 10_000;

class Shrinker {
  #best: Scenario;
  #runs = 0;
  readonly #invariant: string;
  readonly #options: ShrinkOptions;
  readonly #deadline: number;

  constructor(scenario: Scenario, invariant: string, options: ShrinkOptions) {
    this.#best = scenario;
    this.#invariant = invariant;
    this.#options = options;
    this.#deadline = options.now() + options.budgetMs;
  }

  shrink(): Shrunk {
    // What never comes to rest need not be waited for as long each time.
    if (this.#best.calmMs > CALM_MS) this.#try({ ...this.#best, calmMs: CALM_MS });
    for (let before = ""; before !== this.#text() && this.#hasTime(); ) {
      before = this.#text();
      this.#leaveOutActions();
      this.#simplifySettings();
      this.#simplifyActions();
    }
    return { scenario: this.#best, runs: this.#runs };
  }

  #text(): string {
    return JSON.stringify(this.#best);
  }

  #hasTime(): boolean {
    return this.#options.now() < this.#deadline;
  }

  /** Takes a smaller scenario if it breaks the same. */
  #try(candidate: Scenario): boolean {
    if (!this.#hasTime()) return false;
    this.#runs += 1;
    if (this.#options.run(candidate) !== this.#invariant) return false;
    this.#best = candidate;
    return true;
  }

  /** Large parts first, then smaller ones (Zeller's ddmin). */
  #leaveOutActions(): void {
    for (
      let size = Math.ceil(this.#best.actions.length / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      // From the end: what came late seldom matters.
      for (let from = this.#best.actions.length - size; from > -size && this.#hasTime(); from -= size) {
        const { actions } = this.#best;
        const kept = actions.filter((_, at) => at < from || at >= from + size);
        if (kept.length < actions.length) this.#try({ ...this.#best, actions: kept });
      }
    }
  }

  #simplifySettings(): void {
    this.#shortenStorm();
    for (const [field, value] of Object.entries({
      loss: 0,
      duplication: 0,
      isOrdered: true,
      delayMsMax: 1,
    })) {
      this.#setIn("network", field, value);
    }
    this.#setIn("disk", "delayMsMax", this.#best.disk.delayMsMin);
    this.#setIn("cluster", "driftPermille", []);
    this.#setIn("cluster", "snapshotEntries", 1000);
    this.#setIn("cluster", "spares", 0);
    if (this.#best.cluster.member !== undefined) this.#setIn("cluster", "member", {});
    for (const voters of [1, 2, 3])
      if (voters < this.#best.cluster.voters) this.#setIn("cluster", "voters", voters);
    for (const name of Object.keys(this.#best.cluster.core)) {
      const { [name as keyof Scenario["cluster"]["core"]]: _, ...core } = this.#best.cluster.core;
      this.#setIn("cluster", "core", core);
    }
  }

  /** A storm that ends with the last action, or even begins the calm at once. */
  #shortenStorm(): void {
    const last = Math.max(0, ...this.#best.actions.map(({ at }) => at));
    for (const stormMs of [last + 1, last + 500, last + 2000]) {
      if (stormMs < this.#best.stormMs && this.#try({ ...this.#best, stormMs })) return;
    }
  }

  #setIn(part: "network" | "disk" | "cluster", field: string, value: unknown): void {
    const settings = this.#best[part] as unknown as Readonly<Record<string, unknown>>;
    if (JSON.stringify(settings[field]) === JSON.stringify(value)) return;
    this.#try({ ...this.#best, [part]: { ...settings, [field]: value } });
  }

  #simplifyActions(): void {
    for (let at = 0; at < this.#best.actions.length && this.#hasTime(); at++) {
      for (const simpler of simplerThan(this.#best.actions[at]!)) {
        this.#try({ ...this.#best, actions: this.#best.actions.with(at, simpler) });
      }
    }
  }
}

/** Actions that say less, in the order in which they are worth trying. */
function simplerThan(action: Action): Action[] {
  const simpler: Action[] = [];
  if (action.kind === "operation" && action.client !== 0) simpler.push({ ...action, client: 0 });
  if (action.kind === "crash" && action.how !== "lose-all") simpler.push({ ...action, how: "lose-all" });
  if (action.kind === "change" && action.changes.length > 1) {
    for (const change of action.changes) simpler.push({ ...action, changes: [change] });
  }
  const round = Math.round(action.at / 100) * 100;
  if (round !== action.at) simpler.push({ ...action, at: round });
  return simpler;
}
