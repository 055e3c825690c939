import { describe, expect, it } from "vitest";
import { encodeCommand } from "../../../src/kv/machine/command-codec.ts";
import type { Check } from "../../../src/testkit/check.ts";
import { SessionAnswers } from "../../../src/testkit/invariants/kv/session-answers.ts";
import { FaithfulCommands } from "../../../src/testkit/invariants/member/faithful-commands.ts";
import { OwnDirectory } from "../../../src/testkit/invariants/member/own-directory.ts";
import type { Input } from "../../../src/testkit/simulation/run/sim-system.ts";
import { FOUNDED, objection, Tale } from "./tale.ts";

interface Case {
  readonly make: () => Check;
  /** Each has to be objected to … */
  readonly fires: Readonly<Record<string, (tale: Tale) => unknown>>;
  /** … and each of these comes close, and is right. */
  readonly rests: Readonly<Record<string, (tale: Tale) => unknown>>;
}

const put = (key: string) => encodeCommand({ kind: "put", key, value: "v", lease: "" });
const numbered = (number: number) =>
  encodeCommand({ kind: "session-write", session: "2", number, write: put("a") });
const made = (revision: number) => ({ kind: "put", revision, previous: null });
const refused = { kind: "refused", revision: 1, code: "ERR_NO_SPACE", message: "", details: {} };

const CASES: readonly Case[] = [
  {
    make: () => new OwnDirectory(),
    fires: {
      "it starts on a copy of another's directory": (tale) =>
        tale.stop(2).of(2, { kind: "directory-replaced", by: "copy of another's" }).start(2, FOUNDED, 2),
    },
    rests: {
      "it was refused there, and starts on its own again": (tale) =>
        tale
          .stop(2)
          .of(2, { kind: "directory-replaced", by: "copy of another's" })
          .of(2, { kind: "directory-replaced", by: "its own" })
          .start(2, FOUNDED, 2),
      "it starts on an older copy of its own": (tale) =>
        tale.stop(2).of(2, { kind: "directory-replaced", by: "older copy" }).start(2, FOUNDED, 2),
    },
  },
  {
    make: () => new FaithfulCommands((operation) => ({ command: operation }) as Input<unknown, unknown>),
    fires: {
      "a byte of the command is another": (tale) =>
        tale.call(1, 1, put("a")).execute(1, 2, 1, null, 1, put("b")),
    },
    rests: {
      "it is the same in other memory": (tale) =>
        tale.call(1, 1, put("a")).execute(1, 2, 1, null, 1, put("a")),
      "nobody has called it": (tale) => tale.execute(1, 2, 0, null, 1, put("b")),
    },
  },
  {
    make: () => new SessionAnswers(),
    fires: {
      "a repeated write makes another revision": (tale) =>
        tale.execute(1, 3, 1, made(2), 1, numbered(1)).execute(1, 4, 2, made(3), 1, numbered(1)),
    },
    rests: {
      "it has the answer of the first time": (tale) =>
        tale.execute(1, 3, 1, made(2), 1, numbered(1)).execute(1, 4, 2, made(2), 1, numbered(1)),
      "it was refused before, and has effect now": (tale) =>
        tale.execute(1, 3, 1, refused, 1, numbered(1)).execute(1, 4, 2, made(2), 1, numbered(1)),
      "another number makes another revision": (tale) =>
        tale.execute(1, 3, 1, made(2), 1, numbered(1)).execute(1, 4, 2, made(3), 1, numbered(2)),
    },
  },
];

for (const { make, fires, rests } of CASES) {
  const { name, says } = make();
  describe(`${name}: ${says}`, () => {
    it.each(Object.entries(fires))("objects when %s", (_what, tell) => {
      expect(objection(() => tell(new Tale(make())))).toBe(name);
    });
    it.each(Object.entries(rests))("rests when %s", (_what, tell) => {
      expect(objection(() => tell(new Tale(make())))).toBeNull();
    });
  });
}
