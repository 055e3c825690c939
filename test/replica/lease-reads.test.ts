/**
 * What reads by lease promise, and what they do not: they are linearizable as long as no member's clock runs more than
 * (electionTicks - 1) / (electionTicks - 2) times as fast as the leader's. Time is virtual here.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { ELECTION_TICKS, NAMES, TICK_MS, VirtualGroup } from "./virtual-group.ts";

test("a leader with a lease answers though it reaches nobody, and does not once the lease is over", () => {
  const group = new VirtualGroup(1);
  const { leader } = group;
  group.cutOff(leader);
  expect(group.read(leader)).toBe(1);
  group.time.pass((ELECTION_TICKS - 2) * TICK_MS);
  expect(group.read(leader)).toBe("ERR_NO_QUORUM");
});

test("a read that does not ask for a lease goes to a quorum, whatever lease there is", () => {
  const group = new VirtualGroup(1);
  const { leader } = group;
  group.cutOff(leader);
  expect(group.read(leader, TICK_MS, "linearizable")).toBe("ERR_NO_QUORUM");
});

test("a read by lease on a member that does not lead asks the leader, who asks a quorum", () => {
  const group = new VirtualGroup(1);
  const { leader } = group;
  for (const member of group.others(leader)) expect(group.read(member, 10 * TICK_MS)).toBe(1);
});

test("whoever is cut off at whatever moment, no read by lease misses a write that was acknowledged, while clocks differ by a ninth at most", () => {
  const rate = fc.double({ min: 0.95, max: 1.06, noNaN: true });
  const rates = fc.tuple(rate, rate, rate);
  fc.assert(
    fc.property(fc.nat(1000), rates, fc.nat(300), (seed, rates, phase) => {
      const group = new VirtualGroup(seed);
      for (const [at, name] of NAMES.entries()) group.clocks.get(name)!.rate = rates[at]!;
      group.time.pass(phase);
      const old = group.leader;
      group.cutOff(old);
      group.overtake(old);
      for (let look = 0; look < 5; look++) expect(group.read(old, 20)).not.toBe(1);
    }),
    { numRuns: 100 },
  );
});

test("a leader whose process stood still knows that its lease is over before it reads again", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(300), (seed, phase) => {
      const group = new VirtualGroup(seed);
      const old = group.leader;
      group.time.pass(phase);
      group.clockOf(old).hold();
      // Nor does it hear of it from the others.
      group.cutOff(old);
      group.overtake(old);
      const asked = group.ask(old, { consistency: "lease", timeoutMs: TICK_MS });
      group.clockOf(old).release();
      group.time.until(() => asked.answer !== null, "an answer");
      expect(asked.answer).toBe("ERR_NO_QUORUM");
    }),
    { numRuns: 40 },
  );
});

test("what is not promised: a leader whose clock runs far too slowly shows an older state", () => {
  const group = new VirtualGroup(1);
  const old = group.leader;
  group.clockOf(old).rate = 0.1;
  group.cutOff(old);
  group.overtake(old);
  expect(group.read(old)).toBe(1);
  // A read that trusts no clock does not.
  expect(group.read(old, TICK_MS, "linearizable")).toBe("ERR_NO_QUORUM");
});

test("without leaseReads a read by lease is refused, since others may vote at any time", () => {
  const group = new VirtualGroup(1, false);
  try {
    group.ask(group.leader, { consistency: "lease" });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_INVALID_ARGUMENT", details: { argument: "consistency" } });
  }
});
