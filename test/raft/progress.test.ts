import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InflightWindow } from "../../src/raft/inflight-window.ts";
import { Progress } from "../../src/raft/progress.ts";

const LIMITS = { inflightMessagesMax: 3, inflightBytesMax: 100 };

describe("the window of appends in flight", () => {
  it("counts what was added and not freed, by number and by bytes", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(40)), { maxLength: 80 }), (steps) => {
        const window = new InflightWindow(5, 100);
        let model: { last: number; bytes: number }[] = [];
        let last = 0;
        for (const [isAdd, number] of steps) {
          if (isAdd) {
            last += 1 + (number % 3);
            window.add(last, number);
            model.push({ last, bytes: number });
          } else {
            window.freeTo(last - (number % 10));
            model = model.filter((each) => each.last > last - (number % 10));
          }
          const bytes = model.reduce((sum, each) => sum + each.bytes, 0);
          expect([window.count, window.bytes]).toEqual([model.length, bytes]);
          expect(window.isFull).toBe(model.length >= 5 || bytes >= 100);
        }
      }),
    );
  });
});

describe("what a leader knows of a follower", () => {
  it("never has the next entry at or before one that is known to match", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(8), fc.nat(30), fc.nat(30)), { maxLength: 60 }), (steps) => {
        const progress = new Progress(2, 10, false, true, LIMITS);
        for (const [what, first, second] of steps) {
          const before = progress.matched;
          change(progress, what, first, second);
          expect(progress.next).toBeGreaterThan(progress.matched);
          expect(progress.matched).toBeGreaterThanOrEqual(before);
        }
      }),
    );
  });

  it("sends one probe with entries, and no second before the answer", () => {
    const progress = new Progress(2, 5, false, true, LIMITS);
    progress.sent(3, 30);
    expect(progress.isPaused).toBe(true);
    expect(progress.next).toBe(5);
    progress.maybeMatch(7);
    expect(progress.isPaused).toBe(false);
  });

  it("streams until the window is full, and goes on once something is acknowledged", () => {
    const progress = new Progress(2, 1, false, true, LIMITS);
    progress.becomeReplicate();
    for (let sent = 0; sent < 3; sent++) progress.sent(1, 1);
    expect(progress.isPaused).toBe(true);
    progress.maybeMatch(1);
    progress.inflight.freeTo(1);
    expect([progress.isPaused, progress.next, progress.inflight.count]).toEqual([false, 4, 2]);
  });

  it("ignores a refusal that comes too late", () => {
    const progress = new Progress(2, 10, false, true, LIMITS);
    expect(progress.maybeDecrease(5, 0)).toBe(false); // The probe under way was behind entry 9.
    expect(progress.maybeDecrease(9, 4)).toBe(true);
    expect(progress.next).toBe(5);
    progress.maybeMatch(6);
    progress.becomeReplicate();
    expect(progress.maybeDecrease(6, 2)).toBe(false); // It has acknowledged that entry since.
  });

  it("goes on behind a snapshot that arrived, and where it was before one that did not", () => {
    const arrived = new Progress(2, 10, false, true, LIMITS);
    arrived.becomeSnapshot(20);
    arrived.endSnapshot(true);
    expect([arrived.state, arrived.next, arrived.isPaused]).toEqual(["probe", 21, true]);
    const failed = new Progress(2, 10, false, true, LIMITS);
    failed.becomeSnapshot(20);
    failed.endSnapshot(false);
    expect([failed.state, failed.next, failed.isPaused]).toEqual(["probe", 1, true]);
  });
});

function change(progress: Progress, what: number, first: number, second: number): void {
  switch (what) {
    case 0:
      progress.becomeProbe();
      break;
    case 1:
      progress.becomeReplicate();
      break;
    case 2:
      progress.becomeSnapshot(Math.max(first, progress.matched));
      break;
    case 3:
      progress.maybeMatch(first);
      break;
    case 4:
      progress.maybeDecrease(first, second);
      break;
    case 5:
      if (!progress.isPaused) progress.sent(first % 4, second);
      break;
    case 6:
      progress.sentCommit(Math.min(first, progress.next - 1));
      break;
    default:
      progress.resume();
  }
}
