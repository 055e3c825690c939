import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EMPTY_MEMBERSHIP } from "../../src/raft/membership.ts";
import { quorumIndex, quorumSize, voteResult } from "../../src/raft/quorum.ts";

const ids = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 9 });
const votes = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.boolean()), { maxLength: 12 })
  .map((pairs) => new Map(pairs));

describe("the index of a quorum", () => {
  it("is the highest that a majority has reached", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 1, maxLength: 11 }), (reached) => {
        const index = quorumIndex([...reached]);
        const atLeast = (floor: number): number => reached.filter((value) => value >= floor).length;
        expect(atLeast(index)).toBeGreaterThanOrEqual(quorumSize(reached.length));
        expect(atLeast(index + 1)).toBeLessThan(quorumSize(reached.length));
      }),
    );
  });

  it("is without bound where nobody has a voice", () => {
    expect(quorumIndex([])).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("an election", () => {
  it("is won with a majority of each half, and lost once that is out of reach in one of them", () => {
    fc.assert(
      fc.property(ids, ids, votes, (voters, outgoing, given) => {
        const result = voteResult({ ...EMPTY_MEMBERSHIP, voters, outgoing }, given);
        const halves = [voters, outgoing].filter((half) => half.length > 0);
        const count = (half: readonly number[], vote: boolean | undefined): number =>
          half.filter((id) => given.get(id) === vote).length;
        const isWon = halves.every((half) => count(half, true) >= quorumSize(half.length));
        const isLost = halves.some((half) => half.length - count(half, false) < quorumSize(half.length));
        expect(result).toBe(isWon ? "won" : isLost ? "lost" : "pending");
      }),
    );
  });

  it("cannot be won twice with the same voters", () => {
    fc.assert(
      fc.property(ids, ids, votes, (voters, outgoing, given) => {
        fc.pre(voters.length > 0);
        const membership = { ...EMPTY_MEMBERSHIP, voters, outgoing };
        const others = new Map([...given].map(([id, vote]) => [id, !vote]));
        expect(voteResult(membership, given) === "won" && voteResult(membership, others) === "won").toBe(
          false,
        );
      }),
    );
  });
});
