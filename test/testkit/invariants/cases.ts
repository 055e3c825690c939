import { describe, expect, it } from "vitest";
import type { Check } from "../../../src/testkit/check.ts";
import { objection, Tale } from "./tale.ts";

/** A check with stories that it must object to, and stories that look much like these and may be. */
export interface Case {
  readonly make: () => Check;
  readonly fires: Readonly<Record<string, (tale: Tale) => unknown>>;
  readonly rests: Readonly<Record<string, (tale: Tale) => unknown>>;
}

/** A test for each story. */
export function hold(cases: readonly Case[]): void {
  for (const { make, fires, rests } of cases) {
    const { name, says } = make();
    describe(`${name}: ${says}`, () => {
      for (const [what, tell] of Object.entries(fires)) {
        it(`objects when ${what}`, () => {
          expect(objection(() => tell(new Tale(make())))).toBe(name);
        });
      }
      for (const [what, tell] of Object.entries(rests)) {
        it(`rests when ${what}`, () => {
          expect(objection(() => tell(new Tale(make())))).toBeNull();
        });
      }
    });
  }
}
