import { expect, test } from "vitest";
import { bytesText, memoryBudget } from "../../src/base/memory-budget.ts";
import { chooseQuota, limitsFor, segmentBytesFor } from "../../src/memory.ts";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const limits = (heap: number | null, whole: number | null) => ({ heapBytes: heap, processBytes: whole });

test("state, log and program together leave V8 the room without which it gives up", () => {
  for (const heap of [48, 96, 512, 4096].map((size) => size * MIB)) {
    const { stateBytes, logBytes } = memoryBudget(limits(heap, null));
    expect(stateBytes).toBeGreaterThan(0);
    expect(stateBytes + logBytes + Math.min(16 * MIB, heap / 4)).toBeLessThanOrEqual(heap * 0.75);
  }
});

test("in a container half of its memory counts, whatever V8 would take", () => {
  expect(memoryBudget(limits(4096 * MIB, 300 * MIB))).toEqual(memoryBudget(limits(150 * MIB, null)));
  expect(memoryBudget(limits(96 * MIB, 300 * MIB))).toEqual(memoryBudget(limits(96 * MIB, null)));
});

test("with memory enough, or where nobody knows how much there is, everything is as usual, and nobody is warned", () => {
  for (const given of [limits(4096 * MIB, 16 * GIB), limits(null, null)]) {
    expect(chooseQuota(undefined, GIB, given)).toMatchObject({ quotaBytes: GIB, warning: null });
    const budget = memoryBudget(given);
    expect(limitsFor(budget)).toEqual({ snapshotBytes: 64 * MIB, proposalBytesMax: 128 * MIB });
    expect(segmentBytesFor(budget)).toBe(64 * MIB);
  }
});

test("where less fits than usual, less is chosen, and the warning says how much, and of what", () => {
  const { quotaBytes, warning } = chooseQuota(undefined, GIB, limits(96 * MIB, 8 * GIB));
  expect(quotaBytes).toBeLessThan(48 * MIB);
  expect(warning).toBe(
    "the store may hold 39.2 MiB instead of 1 GiB, since there is no more room in a heap of 96 MiB and 8 GiB for the process; set quotaBytes (--quota-backend-bytes) to choose otherwise",
  );
  const budget = memoryBudget(limits(96 * MIB, null));
  expect(limitsFor(budget)).toEqual({ snapshotBytes: 12 * MIB, proposalBytesMax: 12 * MIB });
  expect(segmentBytesFor(budget)).toBe(8 * MIB);
});

test("a quota that was asked for stays, with a warning where it does not fit", () => {
  const given = limits(96 * MIB, null);
  expect(chooseQuota(10 * MIB, GIB, given)).toMatchObject({ quotaBytes: 10 * MIB, warning: null });
  const { quotaBytes, warning } = chooseQuota(GIB, GIB, given);
  expect(quotaBytes).toBe(GIB);
  expect(warning).toMatch(/^quotaBytes is 1 GiB, but a heap of 96 MiB leaves room for 39\.2 MiB/);
  const none = chooseQuota(Number.POSITIVE_INFINITY, GIB, given);
  expect(none).toMatchObject({ quotaBytes: Number.POSITIVE_INFINITY, warning: null });
});

test("the smallest memory still has a quota above nothing", () => {
  const budget = memoryBudget(limits(8 * MIB, null));
  expect(budget.stateBytes).toBe(MIB);
  expect(segmentBytesFor(budget)).toBe(MIB);
  expect(limitsFor(budget).proposalBytesMax).toBeGreaterThanOrEqual(1_600_000);
});

test("bytes are told in a unit that is read at a glance", () => {
  expect([1536 * MIB, 39.23 * MIB, 512 * 1024].map(bytesText)).toEqual(["1.5 GiB", "39.2 MiB", "0.5 MiB"]);
});
