import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MalformedBytes } from "../../src/base/bytes.ts";
import { changeMembership, changeSimply, enterJoint, leaveJoint } from "../../src/raft/members.ts";
import {
  EMPTY_MEMBERSHIP,
  type MemberChange,
  type Membership,
  memberIds,
} from "../../src/raft/membership.ts";
import {
  decodeMembershipChange,
  encodeMembershipChange,
  LEAVE_JOINT,
} from "../../src/raft/membership-codec.ts";
import { quorumSize } from "../../src/raft/quorum.ts";
import { isValidMembership } from "../../src/raft/validate.ts";

const memberChange: fc.Arbitrary<MemberChange> = fc.record({
  kind: fc.constantFrom("add-voter", "add-learner", "remove", "update"),
  member: fc.integer({ min: 1, max: 7 }),
});
const change = fc.record({
  transition: fc.constantFrom("auto" as const, "implicit" as const, "explicit" as const),
  changes: fc.array(memberChange, { maxLength: 4 }),
  context: fc.uint8Array({ maxLength: 8 }),
});
const THREE: Membership = { ...EMPTY_MEMBERSHIP, voters: [1, 2, 3] };

describe("changes of membership", () => {
  it("lead from one valid configuration to the next, and never to one without voters", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        let membership = THREE;
        for (const each of changes) {
          const after = changeMembership(membership, each);
          if (typeof after === "string") continue;
          expect(isValidMembership(after)).toBe(true);
          expect(after.voters.length).toBeGreaterThan(0);
          membership = after;
        }
      }),
    );
  });

  it("leave no room for two majorities that do not meet (6)", () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), (changes) => {
        let membership = THREE;
        for (const each of changes) {
          const after = changeMembership(membership, each);
          if (typeof after === "string") continue;
          expect(canDecideApart(membership, after)).toBe(false);
          membership = after;
        }
      }),
    );
  });

  it("remember who was removed, and forget it when etcd's ways let the id come back", () => {
    const without = changeSimply(THREE, [{ kind: "remove", member: 2 }]) as Membership;
    expect(without.removed).toEqual([2]);
    const back = changeSimply(without, [{ kind: "add-learner", member: 2 }]) as Membership;
    expect(back.removed).toEqual([]);
  });

  it("remove a voter only when the joint configuration is left", () => {
    const joint = enterJoint(THREE, [{ kind: "remove", member: 3 }], true) as Membership;
    expect(joint.removed).toEqual([]);
    expect(memberIds(joint)).toEqual([1, 2, 3]);
    expect((leaveJoint(joint) as Membership).removed).toEqual([3]);
  });

  it("make a learner of a voter only when the joint configuration is left", () => {
    const joint = enterJoint(THREE, [{ kind: "add-learner", member: 3 }], false) as Membership;
    expect(joint).toMatchObject({ voters: [1, 2], outgoing: [1, 2, 3], learners: [], learnersNext: [3] });
    expect(leaveJoint(joint)).toMatchObject({
      voters: [1, 2],
      outgoing: [],
      learners: [3],
      learnersNext: [],
    });
  });

  it("are refused where they make no sense", () => {
    const joint = enterJoint(THREE, [], false) as Membership;
    expect(enterJoint(joint, [], false)).toBe("already-joint");
    expect(changeSimply(joint, [])).toBe("joint");
    expect(leaveJoint(THREE)).toBe("not-joint");
    expect(enterJoint(EMPTY_MEMBERSHIP, [], false)).toBe("no-voters");
    const two = [1, 2].map((member) => ({ kind: "remove", member }) as const);
    expect(changeSimply(THREE, two)).toBe("several-voters");
    const all = [1, 2, 3].map((member) => ({ kind: "remove", member }) as const);
    expect(enterJoint(THREE, all, true)).toBe("no-voters-left");
  });
});

/** Whether a set of members could decide by one configuration while the rest decides by the other. */
function canDecideApart(left: Membership, right: Membership): boolean {
  const ids = [...new Set([...memberIds(left), ...memberIds(right)])];
  for (let mask = 0; mask < 2 ** ids.length; mask++) {
    const group = ids.filter((_, at) => (mask & (2 ** at)) !== 0);
    const rest = ids.filter((id) => !group.includes(id));
    if (decides(left, group) && decides(right, rest)) return true;
  }
  return false;
}

function decides({ voters, outgoing }: Membership, group: readonly number[]): boolean {
  return [voters, outgoing].every((half) => {
    return half.length === 0 || half.filter((id) => group.includes(id)).length >= quorumSize(half.length);
  });
}

describe("the bytes of a change", () => {
  it("give the change back", () => {
    fc.assert(
      fc.property(change, (given) => {
        expect(decodeMembershipChange(encodeMembershipChange(given))).toEqual(given);
      }),
    );
  });

  it("are none at all for leaving a joint configuration, so that no budget can refuse it", () => {
    expect(encodeMembershipChange(LEAVE_JOINT)).toHaveLength(0);
    expect(decodeMembershipChange(new Uint8Array(0))).toEqual(LEAVE_JOINT);
  });

  it("are a change, or malformed, and nothing worse", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeMembershipChange(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
        }
      }),
    );
  });
});
