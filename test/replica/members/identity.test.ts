import fc from "fast-check";
import { expect, test } from "vitest";
import { QuorateError } from "../../../src/base/errors.ts";
import { checkMemberNames, firstClusterId, firstMemberId } from "../../../src/replica/members/identity.ts";

const names = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/), { minLength: 1, maxLength: 9 });

test("the members of a new cluster compute the same cluster id, in whatever order they are listed", () => {
  fc.assert(
    fc.property(names, fc.string(), (list, cluster) => {
      expect(firstClusterId(cluster, list)).toBe(firstClusterId(cluster, list.toReversed()));
      expect(firstClusterId(cluster, list)).toMatch(/^[0-9a-f]{32}$/);
    }),
  );
});

test("another name or another member gives another cluster id", () => {
  fc.assert(
    fc.property(names, (list) => {
      expect(firstClusterId("a", list)).not.toBe(firstClusterId("b", list));
      expect(firstClusterId("a", list)).not.toBe(firstClusterId("a", [...list, "one-more-member"]));
    }),
  );
});

test("a member's id is a safe whole number above 0, other for other names", () => {
  fc.assert(
    fc.property(names, (list) => {
      const ids = list.map(firstMemberId);
      for (const id of ids) expect(Number.isSafeInteger(id) && id > 0).toBe(true);
      expect(new Set(ids).size).toBe(list.length);
    }),
  );
});

test.each(["", " ", "a b", "ä", "-a", "a/b", "x".repeat(64), "../../n1"])(
  "%j cannot be a member's name",
  (name) => {
    try {
      checkMemberNames(["n1", name]);
      expect.unreachable();
    } catch (error) {
      expect(QuorateError.is(error, "ERR_INVALID_ARGUMENT")).toBe(true);
    }
  },
);
