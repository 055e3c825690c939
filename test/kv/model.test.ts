import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "../../src/base/bytes.ts";
import type { Command } from "../../src/kv/machine/command.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import type { KvResult } from "../../src/kv/machine/result.ts";
import type { KeyRange } from "../../src/kv/mvcc/key-range.ts";
import type { Selection } from "../../src/kv/mvcc/selection.ts";
import { back, command, keyRange, placed, selection } from "./arbitraries.ts";
import { type Expected, Model, selected } from "./model.ts";
import { Applying } from "./support.ts";

type Action =
  | { readonly kind: "commands"; readonly commands: readonly Command[] }
  | {
      readonly kind: "query";
      readonly range: KeyRange;
      readonly back: number;
      readonly limit: number;
      readonly reverse: boolean;
      readonly selection: Selection | null;
    }
  | { readonly kind: "restore"; readonly chunkBytes: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("commands"),
      commands: fc.array(command, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("query"),
      range: keyRange,
      back,
      limit: fc.nat(4),
      reverse: fc.boolean(),
      selection: fc.option(selection),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("restore"), chunkBytes: fc.integer({ min: 1, max: 500 }) }),
  },
);

/** A machine and the model of it, going the same way. */
class Pair {
  readonly model = new Model();
  applying = new Applying(new KvMachine());
  operations = 0;

  act(action: Action): void {
    if (action.kind === "commands") this.#apply(action.commands);
    else if (action.kind === "query") this.#query(action);
    else this.#restore(action.chunkBytes);
  }

  #apply(commands: readonly Command[]): void {
    const placedCommands = commands.map((one) => placed(one, this.model.revision));
    const expected = placedCommands.map((one, at) => this.model.apply(one, this.applying.index + 1 + at));
    const results = this.applying.batch(placedCommands);
    for (const [at, result] of results.entries()) {
      this.operations += 1;
      agree(comparable(result), expected[at]!, placedCommands[at]!);
    }
  }

  #query({ range, back: distance, limit, reverse, selection }: Action & { kind: "query" }): void {
    this.operations += 1;
    const { model } = this;
    const revision = Math.max(0, model.revision - distance);
    const answer = this.applying.machine.query({
      kind: "range",
      ...{ range, revision, limit, reverse, selection },
    });
    const asked = { range, revision, limit, reverse, selection };
    if (revision > model.revision || revision < model.compactRevision) {
      const code = revision > model.revision ? "ERR_FUTURE_REVISION" : "ERR_COMPACTED";
      agree(comparable(answer), { kind: "refused", code }, asked);
      return;
    }
    const inRange = model.range(range, revision);
    const found = selected(inRange, selection, reverse);
    const versions = limit === 0 ? found : found.slice(0, limit);
    const more = versions.length < found.length;
    agree(comparable(answer), { kind: "range", revision: model.revision, versions, more }, asked);

    const counted = this.applying.machine.query({ kind: "count", range, revision });
    agree(comparable(counted), { kind: "count", revision: model.revision, count: inRange.length }, asked);
  }

  /** The machine goes on from a snapshot of itself, cut into other chunks. */
  #restore(chunkBytes: number): void {
    this.operations += 1;
    const { machine } = this.applying;
    const bytes = concatBytes([...machine.snapshot()]);
    const restored = new KvMachine();
    restored.restore(cut(bytes, chunkBytes));
    agree(concatBytes([...restored.snapshot()]), bytes, "snapshot of what was restored");
    this.applying = new Applying(restored, this.applying.index);
    this.compareWhole();
  }

  compareWhole(): void {
    const { machine } = this.applying;
    const { model } = this;
    agree(machine.store.revision, model.revision, "revision");
    agree(machine.store.compactRevision, model.compactRevision, "compacted revision");
    agree(machine.store.liveKeys, model.at(Number.POSITIVE_INFINITY).length, "live keys");
    const alarms = machine.alarms.all().map(({ kind, member }) => `${kind} ${member}`);
    agree(alarms.sort(), model.alarms.map(({ alarm, member }) => `${alarm} ${member}`).sort(), "alarms");
    agree(
      machine.sessions
        .pack()
        .map(({ id, answers }) => [id, answers.map(({ number }) => number).sort()])
        .sort(),
      [...model.sessions].map(([id, answers]) => [id, [...answers.keys()].sort()]).sort(),
      "client sessions",
    );
    const leases = [...machine.leases.all()].map(({ id, keys, ...lease }) => [id, lease, [...keys].sort()]);
    const expected = [...model.leases].map(([id, lease]) => {
      const keys = model.at(Number.POSITIVE_INFINITY).filter((version) => version.lease === id);
      return [id, lease, keys.map(({ key }) => key)];
    });
    agree(leases, expected, "leases");
    for (let revision = Math.max(1, model.compactRevision); revision <= model.revision; revision++) {
      agree(machine.store.range({ from: "", to: null }, { revision }).versions, model.at(revision), revision);
    }
  }
}

function* cut(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += chunkBytes) yield bytes.subarray(from, from + chunkBytes);
}

/** Of a refusal only the code is compared. */
function comparable(result: KvResult | { readonly kind: string; readonly code?: string }): unknown {
  return "code" in result ? { kind: "refused", code: result.code } : result;
}

function agree(actual: unknown, expected: unknown | Expected, about: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect({ about, actual }).toEqual({ about, actual: expected });
}

test("the machine agrees with a list of all changes, over 100,000 random operations", {
  timeout: 60_000,
}, () => {
  let operations = 0;
  const runs = fc.array(action, { minLength: 40, maxLength: 80 });
  fc.assert(
    fc.property(runs, (actions) => {
      const pair = new Pair();
      for (const one of actions) pair.act(one);
      pair.compareWhole();
      operations += pair.operations;
    }),
    { numRuns: 700 },
  );
  expect(operations).toBeGreaterThan(100_000);
});
