import { expect, test } from "vitest";
import { type AutoCompaction, AutoCompactor } from "../../../src/cli/serve/auto-compaction.ts";
import { ManualClock } from "../../storage/manual-clock.ts";

const HOUR_MS = 3_600_000;

/** A store that grows by ten revisions an hour. */
function begin(compaction: AutoCompaction) {
  const clock = new ManualClock();
  const state = { role: "leader", compactRevision: -1, compacted: [] as number[] };
  const revision = (): number => 1 + Math.floor((clock.monotonic() * 10) / HOUR_MS);
  const store = {
    clock,
    status: () => ({ revision: revision(), compactRevision: state.compactRevision, role: state.role }),
    compact: async (to: number) => {
      state.compactRevision = to;
      state.compacted.push(to);
    },
  };
  return { clock, state, revision, compactor: new AutoCompactor(store, compaction) };
}

test("history that is older than the span is given up, and no other", () => {
  const { clock, state, revision } = begin({ mode: "periodic", spanMs: HOUR_MS });
  clock.pass(HOUR_MS);
  expect(state.compacted).toEqual([]);
  clock.pass(9 * HOUR_MS);
  const kept = revision() - state.compactRevision;
  expect(kept).toBeGreaterThanOrEqual(10);
  expect(kept).toBeLessThan(13);
});

test("so many revisions are kept as was asked for", () => {
  const { clock, state, revision } = begin({ mode: "revision", revisions: 25 });
  clock.pass(2 * HOUR_MS);
  expect(state.compacted).toEqual([]);
  clock.pass(8 * HOUR_MS);
  expect(revision() - state.compactRevision).toBe(25);
});

test("only a leader compacts, and none that has ended", () => {
  const { clock, state, compactor } = begin({ mode: "revision", revisions: 5 });
  state.role = "follower";
  clock.pass(5 * HOUR_MS);
  expect(state.compacted).toEqual([]);
  state.role = "leader";
  clock.pass(HOUR_MS);
  expect(state.compacted.length).toBeGreaterThan(0);
  const before = state.compacted.length;
  compactor.stop();
  clock.pass(5 * HOUR_MS);
  expect(state.compacted.length).toBe(before);
});
