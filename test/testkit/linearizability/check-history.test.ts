import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import {
  checkHistory,
  type KvInput,
  type KvOutput,
  kvModel,
  type ListAppendInput,
  listAppendModel,
  type Model,
  type Operation,
  type QueueInput,
  queueModel,
  type RegisterInput,
  registerModel,
} from "../../../src/testkit/linearizability/index.ts";
import { isLinearizable } from "./brute-force.ts";
import { legalHistory } from "./histories.ts";

const register = registerModel(0);
const write = (
  client: number,
  value: number,
  call: number,
  end: number,
): Operation<RegisterInput<number>> => ({
  client,
  input: { kind: "write", value },
  call,
  output: null,
  return: end,
});
const read = (
  client: number,
  value: number,
  call: number,
  end: number,
): Operation<RegisterInput<number>> => ({
  client,
  input: { kind: "read" },
  call,
  output: value,
  return: end,
});
const lostWrite = (client: number, value: number, call: number): Operation<RegisterInput<number>> => ({
  client,
  input: { kind: "write", value },
  call,
  unknown: true,
});
const verdictOf = (history: readonly Operation<RegisterInput<number>>[]) =>
  checkHistory(history, register as Model<number, RegisterInput<number>, unknown>).verdict;

describe("a register's history", () => {
  it("is legal when nothing happened", () => {
    expect(verdictOf([])).toBe("ok");
  });

  it("is legal when a read during a write sees either value", () => {
    expect(verdictOf([write(0, 1, 0, 10), read(1, 0, 2, 3), read(2, 1, 2, 3)])).toBe("ok");
  });

  it("is illegal when a read after a write sees the old value", () => {
    expect(verdictOf([write(0, 1, 0, 10), read(1, 0, 11, 12)])).toBe("illegal");
  });

  it("is illegal when a value comes back that a reader had seen replaced", () => {
    expect(verdictOf([write(0, 1, 0, 10), read(1, 1, 2, 3), read(2, 0, 4, 5)])).toBe("illegal");
  });

  it("takes intervals that touch for overlapping ones", () => {
    expect(verdictOf([write(0, 1, 0, 10), read(1, 0, 10, 12)])).toBe("ok");
  });

  it("lets a write of unknown outcome happen late, or never, but not before it was called", () => {
    expect(verdictOf([lostWrite(0, 1, 0), read(1, 0, 5, 6), read(1, 1, 100, 101)])).toBe("ok");
    expect(verdictOf([lostWrite(0, 1, 0), read(1, 0, 5, 6)])).toBe("ok");
    expect(verdictOf([lostWrite(0, 1, 10), read(1, 1, 5, 6)])).toBe("illegal");
  });

  it("lets a write of unknown outcome happen once, not twice", () => {
    const history = [lostWrite(0, 1, 0), read(1, 1, 5, 6), write(1, 2, 7, 8), read(1, 1, 9, 10)];
    expect(verdictOf(history)).toBe("illegal");
    expect(verdictOf([lostWrite(2, 1, 1), ...history])).toBe("ok");
  });

  it("accepts any answer where nobody looked", () => {
    expect(verdictOf([{ client: 0, input: { kind: "read" }, call: 0, output: undefined, return: 1 }])).toBe(
      "ok",
    );
  });

  it("shows the longest legal beginning, and what cannot follow it", () => {
    const result = checkHistory([write(0, 1, 0, 1), write(0, 2, 2, 3), read(0, 1, 4, 5)], register as never);
    expect(result.parts).toEqual([{ names: undefined, verdict: "illegal", orders: [[0, 1]] }]);
    expect(result.message).toBe(
      [
        "not linearizable as a register: 2 operations can be put in order, the next cannot",
        '  then #0 client 0: {"kind":"write","value":1} → null [0, 1]',
        '  then #1 client 0: {"kind":"write","value":2} → null [2, 3]',
        '  but  #2 client 0: {"kind":"read"} → 1 [4, 5]: should be 2',
      ].join("\n"),
    );
  });
});

describe("a store's history", () => {
  const put = (key: string, value: number, call: number): Operation<KvInput<number>, null> => ({
    client: 0,
    input: { kind: "put", key, value },
    call,
    output: null,
    return: call,
  });
  const txn = (
    keys: readonly string[],
    answers: readonly (number | null)[],
    call: number,
  ): Operation<KvInput<number>, KvOutput<number>> => ({
    client: 1,
    input: { kind: "txn", compare: [], success: keys.map((key) => ({ kind: "get", key })), failure: [] },
    call,
    output: { succeeded: true, answers },
    return: call,
  });

  it("is judged key by key", () => {
    const result = checkHistory([put("a", 1, 1), put("b", 2, 2), put("a", 3, 3)], kvModel<number>());
    expect(result.parts.map(({ names }) => names)).toEqual([["a"], ["b"]]);
    expect(result.verdict).toBe("ok");
  });

  it("is judged together for the keys that a transaction ties together, and only for these", () => {
    const history = [put("a", 1, 1), put("b", 2, 2), put("c", 1, 3), txn(["a", "b"], [null, 2], 4)];
    const result = checkHistory(history, kvModel<number>());
    expect(result.parts.map(({ names, verdict }) => [names, verdict])).toEqual([[["a", "b"], "illegal"]]);
  });
});

describe("the checker agrees with one that tries every order", () => {
  it("on 10,000 small histories, of which many are illegal", () => {
    const verdicts = { ok: 0, illegal: 0 };
    for (let seed = 1; seed <= 10_000; seed++) {
      const { model, history } = smallHistory(new Random(seed), seed);
      const expected = isLinearizable(history, model) ? "ok" : "illegal";
      const { verdict, parts } = checkHistory(history, model);
      if (verdict !== expected) expect.fail(`seed ${seed}: ${verdict}, not ${expected}`);
      if (verdict === "ok") for (const { orders } of parts) expectLegal(history, model, orders[0]!);
      verdicts[expected]++;
    }
    expect(Math.min(verdicts.ok, verdicts.illegal)).toBeGreaterThan(2_000);
  });

  it("on histories that fast-check makes up", () => {
    const time = fc.nat(12);
    const operation = fc.record({
      client: fc.nat(3),
      input: fc.oneof(
        fc.record({ kind: fc.constant("read" as const) }),
        fc.record({ kind: fc.constant("write" as const), value: fc.nat(2) }),
        fc.record({ kind: fc.constant("compare-and-set" as const), expected: fc.nat(2), value: fc.nat(2) }),
      ),
      output: fc.oneof(fc.constant(null), fc.nat(2), fc.boolean()),
      times: fc.tuple(time, time),
      unknown: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (made) => {
        const history = made.map(({ client, input, output, times, unknown }) => {
          const [call, end] = times[0] <= times[1] ? times : [times[1], times[0]];
          return unknown
            ? { client, input, call, unknown }
            : {
                client,
                input,
                call,
                return: end,
                output: input.kind === "write" ? null : output,
              };
        }) as Operation<RegisterInput<number>, number | boolean | null>[];
        const { verdict } = checkHistory(history, register);
        expect(verdict).toBe(isLinearizable(history, register) ? "ok" : "illegal");
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("when the order is known", () => {
  const { history, order } = legalHistory(register, {
    seed: 7,
    clients: 4,
    operations: 300,
    input: registerInput,
    unknownPercent: 10,
  });

  it("one pass over it is enough", () => {
    const result = checkHistory(history, register, { witness: order });
    expect(result).toMatchObject({ verdict: "ok", steps: order.length });
  });

  it("an answer that was left out, or named twice, is found", () => {
    const answered = order.findIndex((at) => history[at]!.unknown !== true);
    const short = checkHistory(history, register, { witness: order.toSpliced(answered, 1) });
    expect(short.verdict).toBe("illegal");
    const twice = checkHistory(history, register, { witness: [...order, order[0]!] });
    expect(twice.message).toMatch(/came already/);
  });

  it("an order that the clients' clock contradicts is found", () => {
    const reads = [read(0, 0, 0, 1), read(0, 0, 2, 3)];
    const result = checkHistory(reads, register as never, { witness: [1, 0] });
    expect(result.message).toMatch(/had returned before #1 .* was called/);
  });

  it("what is illegal in that order is said", () => {
    const result = checkHistory([write(0, 1, 0, 9), read(1, 0, 0, 9)], register as never, {
      witness: [0, 1],
    });
    expect(result.message).toMatch(/#1 .*: 1 was to be answered/);
  });
});

describe("a search has limits", () => {
  const hopeless = [
    ...Array.from({ length: 24 }, (_, at) => write(at, at + 1, 0, 100)),
    read(99, 1, 101, 102),
    read(99, 2, 103, 104),
  ];

  it("and says unknown when they are reached", () => {
    const result = checkHistory(hopeless, register as never, { stepsMax: 1_000 });
    expect(result.verdict).toBe("unknown");
    expect(result.message).toMatch(/not judged/);
  });

  it("also of time", () => {
    let now = 0;
    const clock = { monotonic: () => now++, wall: () => 0, after: () => ({ cancel() {} }), soon() {} };
    expect(checkHistory(hopeless, register as never, { timeoutMs: 3, clock }).verdict).toBe("unknown");
  });
});

describe("long histories", () => {
  it("of 10,000 operations by 20 clients on one register are judged", { timeout: 20_000 }, () => {
    const options = { seed: 1, clients: 20, operations: 10_000, input: registerInput };
    const { history } = legalHistory(register, options);
    expect(checkHistory(history, register).verdict).toBe("ok");
  });

  it("of 100,000 operations on 1,000 keys are judged", { timeout: 30_000 }, () => {
    const { history } = legalHistory(kvModelOfOneStep(), {
      seed: 2,
      clients: 20,
      operations: 100_000,
      input: (random) => kvInput(random, 1_000),
    });
    expect(checkHistory(history, kvModel<number>()).verdict).toBe("ok");
  });

  it("with a lie in the middle are found illegal", () => {
    const options = { seed: 3, clients: 8, operations: 2_000, input: registerInput };
    const { history } = legalHistory(register, options);
    const at = history.findIndex(({ input }, place) => place > 1_000 && input.kind === "read");
    const lying = history.with(at, { ...history[at]!, output: 77 } as (typeof history)[number]);
    expect(checkHistory(lying, register).verdict).toBe("illegal");
  });
});

function registerInput(random: Random): RegisterInput<number> {
  const kind = random.between(0, 2);
  const value = random.between(0, 4);
  if (kind === 0) return { kind: "read" };
  return kind === 1
    ? { kind: "write", value }
    : { kind: "compare-and-set", expected: random.between(0, 4), value };
}

function kvInput(random: Random, keys: number): KvInput<number> {
  const key = `k${random.between(1, keys)}`;
  const value = random.between(0, 2);
  switch (random.between(0, 3)) {
    case 0:
      return { kind: "put", key, value };
    case 1:
      return { kind: "delete", key };
    case 2:
      return {
        kind: "compare-and-set",
        key,
        expected: random.between(0, 1) === 0 ? null : value,
        value: value + 1,
      };
    default:
      return { kind: "get", key };
  }
}

function kvTxn(random: Random): KvInput<number> {
  if (random.between(0, 2) > 0) return kvInput(random, 3);
  const [one, other] = [`k${random.between(1, 3)}`, `k${random.between(1, 3)}`];
  const value = random.between(0, 1);
  return {
    kind: "txn",
    compare: [{ key: one, value: random.between(0, 1) === 0 ? null : value }],
    success: [
      { kind: "put", key: other, value },
      { kind: "get", key: one },
    ],
    failure: [{ kind: "delete", key: one }],
  };
}

/** As the model of a store, with one map that is changed in place: histories grow without copies. */
function kvModelOfOneStep(): Model<Map<string, number>, KvInput<number>, unknown> {
  const model = kvModel<number>();
  return {
    name: model.name,
    init: () => new Map(),
    step(state, input) {
      if (input.kind === "txn") throw new Error("one key each");
      const held = state.get(input.key);
      const before = held === undefined ? [] : [[input.key, held] as const];
      const [after, output] = model.step(new Map(before), input);
      state.delete(input.key);
      for (const [key, value] of after) state.set(key, value);
      return [state, output];
    },
  };
}

interface Small {
  readonly model: Model<unknown, unknown, unknown>;
  readonly history: Operation[];
}

/** A legal history of one of the models, in which an answer or two may have been swapped for another's. */
function smallHistory(random: Random, seed: number): Small {
  const queueInput = (): QueueInput<number> =>
    random.between(0, 1) === 0 ? { kind: "dequeue" } : { kind: "enqueue", value: random.between(0, 2) };
  const listInput = (): ListAppendInput<number> =>
    Array.from({ length: random.between(1, 2) }, () => {
      const key = `k${random.between(1, 2)}`;
      return random.between(0, 1) === 0
        ? { kind: "read" as const, key }
        : { kind: "append" as const, key, value: random.between(0, 9) };
    });
  const kinds = [
    [register, registerInput],
    [kvModel<number>(), kvTxn],
    [queueModel<number>(), queueInput],
    [listAppendModel<number>(), listInput],
  ] as unknown as readonly [Model<unknown, unknown, unknown>, (random: Random) => unknown][];
  const [model, input] = kinds[seed % kinds.length]!;
  const { history } = legalHistory(model, {
    seed,
    clients: random.between(1, 5),
    operations: random.between(1, 7),
    input,
    unknownPercent: 20,
  });
  for (let swaps = random.between(0, 2); swaps > 0; swaps--) {
    const [to, from] = [random.between(0, history.length - 1), random.between(0, history.length - 1)];
    const [target, source] = [history[to]!, history[from]!];
    if (target.unknown !== true && source.unknown !== true) {
      history[to] = { ...target, output: source.output };
    }
  }
  return { model, history };
}

function expectLegal(
  history: readonly Operation[],
  model: Model<unknown, unknown, unknown>,
  order: readonly number[],
): void {
  const places = new Set(order);
  const part = history.filter((_, at) => places.has(at));
  const positions = new Map([...places].sort((a, b) => a - b).map((place, at) => [place, at]));
  const witness = order.map((place) => positions.get(place)!);
  expect(checkHistory(part, model, { witness })).toMatchObject({ verdict: "ok" });
}
