import { expect, test } from "vitest";
import { TICK_MS, VirtualGroup } from "./virtual-group.ts";

test("what was on its way to a leader is sent again when the same one leads in a later term", () => {
  const group = new VirtualGroup(1, false);
  const { leader } = group;
  const [follower, other] = group.others(leader);
  group.cutOff(follower!);
  let result: number | string | null = null;
  follower!.propose({ add: 1 }, {}, (error, sum) => {
    result = error === null ? sum! : String(error);
  });
  // It still takes this leader for one, of its old term, when it hears from it again.
  group.transfer(leader, other!);
  group.transfer(other!, leader);
  expect(follower!.status()).toMatchObject({ leader: leader.name });
  group.healAll();
  group.time.pass(4 * TICK_MS);
  expect(follower!.status()).toMatchObject({ leader: leader.name, term: leader.status().term });
  expect(result).toBe(2);
});
