import type { Picture } from "./simulation/seen/picture.ts";
import type { SimEvent, SimEventKind } from "./simulation/seen/sim-event.ts";

/**
 * Something that must hold in every run, whatever happens. A check is told the events that it asks for, each after
 * `picture` has taken it in, and throws a `Violation` when one cannot be.
 */
export interface Check {
  /** Short and stable: R1, or a word of the user's own. */
  readonly name: string;
  /** The promise, as a sentence. */
  readonly says: string;
  readonly kinds: readonly SimEventKind[];
  observe(event: SimEvent, picture: Picture): void;
}

/** A promise was broken. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** The name of the check that saw it. */
  readonly invariant: string;

  constructor(check: { readonly name: string; readonly says: string }, detail: string) {
    super(`${check.name}: ${check.says} ${detail}`);
    this.invariant = check.name;
  }
}

/** Hands each event to the picture, and then to the checks that ask for its kind. */
export class Watchmen {
  readonly picture: Picture;
  readonly #byKind = new Map<SimEventKind, Check[]>();

  constructor(picture: Picture, checks: readonly Check[]) {
    this.picture = picture;
    for (const check of checks) {
      for (const kind of check.kinds) {
        const known = this.#byKind.get(kind);
        if (known === undefined) this.#byKind.set(kind, [check]);
        else known.push(check);
      }
    }
  }

  observe(event: SimEvent): void {
    this.picture.observe(event);
    const checks = this.#byKind.get(event.kind);
    if (checks === undefined) return;
    for (let at = 0; at < checks.length; at++) checks[at]!.observe(event, this.picture);
  }
}
