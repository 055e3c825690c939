import { expect, test } from "vitest";
import { utf8Bytes, utf8Text } from "../../../../src/base/bytes.ts";
import type { StateMachine } from "../../../../src/replica/state-machine.ts";
import { EqualStates } from "../../../../src/testkit/invariants/member/equal-states.ts";
import { simulate } from "../../../../src/testkit/simulate.ts";
import type { Picture } from "../../../../src/testkit/simulation/seen/picture.ts";
import type { SimEvent } from "../../../../src/testkit/simulation/seen/sim-event.ts";

const picture = { nameOf: (id: number) => `n${id}` } as Picture;

function reportOn(first: object, second: object): string {
  const check = new EqualStates();
  const state = { kind: "state", at: 0, index: 8 } as const;
  check.observe({ ...state, member: 1, hash: 1, ...first } as SimEvent, picture);
  try {
    check.observe({ ...state, member: 2, hash: 2, ...second } as SimEvent, picture);
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("nothing was found");
}

test("a report of S1 shows both states: as the machine shows them, or as their snapshots read", () => {
  expect(reportOn({ view: { sum: 7 } }, { view: { sum: 8 } })).toMatch(/n2 has .*8.*, n1 .*7/);
  expect(reportOn({ bytes: utf8Bytes('{"sum":7}') }, { bytes: utf8Bytes('{"sum":8}') })).toContain(
    'n2 has {"sum":8}, n1 {"sum":7}.',
  );
  expect(reportOn({ bytes: Uint8Array.of(0, 255, 1) }, { bytes: Uint8Array.of(0, 255, 2) })).toMatch(
    /n2 has .*2.*, n1 .*1/,
  );
});

test("of long states it shows where they begin to differ", () => {
  const [left, right] = [`${"same ".repeat(500)}left`, `${"same ".repeat(500)}right`];
  const report = reportOn({ bytes: utf8Bytes(left) }, { bytes: utf8Bytes(right) });
  expect(report).toContain("same right, n1 …");
  expect(report).toContain("same left.");
  expect(report.length).toBeLessThan(400);
});

test("a simulated run of a machine of one's own reports both states", () => {
  let made = 0;
  const machine = (): StateMachine<string, null> => {
    const own = `machine ${++made}`;
    let text = "nothing";
    return {
      apply: (batch) => {
        text = own;
        return batch.map(() => null);
      },
      query: () => null,
      snapshot: () => [utf8Bytes(text)],
      restore: (chunks) => {
        text = [...chunks].map(utf8Text).join("");
      },
    };
  };
  const { failure } = simulate({
    machine,
    commands: () => "do",
    budget: { seeds: 5 },
    members: 3,
    shrinkMs: 0,
  });
  expect(failure).toMatchObject({
    invariant: "S1",
    message: expect.stringMatching(/n\d has machine \d+, n\d machine \d+\./),
  });
});
