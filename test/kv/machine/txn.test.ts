import { expect, test } from "vitest";
import type { Command, Compare, Operation, TxnCommand } from "../../../src/kv/machine/command.ts";
import { KvMachine } from "../../../src/kv/machine/kv-machine.ts";
import { TXN_OPERATIONS_MAX, TXN_RANGE_KEYS_MAX } from "../../../src/kv/machine/limits.ts";
import type { KvResult } from "../../../src/kv/machine/result.ts";
import { ALL_KEYS, singleKey } from "../../../src/kv/mvcc/key-range.ts";
import { Applying } from "../support.ts";

const put = (key: string, value = "") => ({ kind: "put", key, value, lease: "" }) as const;
const remove = (from: string, to: string | null = `${from}\0`) =>
  ({ kind: "delete", range: { from, to } }) as const;
const range = (limit = 0, revision: number | null = null) =>
  ({ kind: "range", range: ALL_KEYS, revision, limit, reverse: false, selection: null }) as const;
const txn = (
  success: readonly Operation[],
  failure: readonly Operation[] = [],
  compares: readonly Compare[] = [],
): TxnCommand => ({ kind: "txn", compares, success, failure });
const compare = (
  key: string,
  target: Compare["target"],
  relation: Compare["relation"],
  operand: string | number,
): Compare => ({ range: singleKey(key), target, relation, operand });

function outcome(result: KvResult): string {
  if (result.kind === "refused") return result.code;
  return result.kind === "txn" ? String(result.succeeded) : result.kind;
}

function withKeys(...commands: Command[]): Applying {
  const applying = new Applying(new KvMachine());
  applying.batch(commands);
  return applying;
}

test("a transaction that writes makes one revision, and one that writes nothing makes none", () => {
  const applying = withKeys(put("a"));
  expect(applying.one(txn([put("b"), put("c"), remove("a")])).revision).toBe(3);
  expect(applying.one(txn([range()])).revision).toBe(3);
  expect(applying.one(txn([remove("x", null)])).revision).toBe(3);
  expect(applying.one(txn([put("d")], [], [compare("nothing", "version", "greater", 0)])).revision).toBe(3);
  expect(applying.one(txn([])).revision).toBe(3);
});

test("operations see what came before them, and tell the revision of their moment", () => {
  const applying = withKeys(put("a"));
  const result = applying.one(txn([range(), put("b"), range(), remove("a"), range()]));
  const results = result.kind === "txn" ? result.results : [];
  const seen = results.map((one) => [
    one.revision,
    one.kind === "range" ? one.versions.map(({ key }) => key) : one.kind,
  ]);
  expect(seen).toEqual([
    [2, ["a"]],
    [3, "put"],
    [3, ["a", "b"]],
    [3, "delete"],
    [3, ["b"]],
  ]);
});

test("a nested transaction is decided before anything is written", () => {
  const applying = withKeys();
  const nested = txn([put("then")], [put("else")], [compare("a", "version", "greater", 0)]);
  applying.one(txn([put("a"), nested]));
  expect(applying.machine.store.get("then")).toBeUndefined();
  expect(applying.machine.store.get("else")).toBeDefined();
});

test("a claim about the value of a missing key never holds; its numbers are 0 and its lease is empty", () => {
  const applying = withKeys(put("a", "1"));
  for (const relation of ["equal", "notEqual", "less", "greater"] as const) {
    expect(outcome(applying.one(txn([], [], [compare("missing", "value", relation, "")])))).toBe("false");
  }
  for (const target of ["version", "createRevision", "modRevision"] as const) {
    expect(outcome(applying.one(txn([], [], [compare("missing", target, "equal", 0)])))).toBe("true");
  }
  expect(outcome(applying.one(txn([], [], [compare("missing", "lease", "equal", "")])))).toBe("true");
});

test("a claim about a range must hold for each of its keys, and an empty range is one missing key", () => {
  const applying = withKeys(put("a", "1"), put("b", "2"), put("b", "2"));
  const over = (claimed: Compare) => outcome(applying.one(txn([], [], [claimed])));
  expect(over({ range: ALL_KEYS, target: "version", relation: "greater", operand: 0 })).toBe("true");
  expect(over({ range: ALL_KEYS, target: "version", relation: "equal", operand: 1 })).toBe("false");
  expect(over({ range: { from: "x", to: null }, target: "version", relation: "equal", operand: 0 })).toBe(
    "true",
  );
  expect(over({ range: { from: "x", to: null }, target: "value", relation: "notEqual", operand: "" })).toBe(
    "false",
  );
});

test("one branch writes no key twice: puts meet neither puts nor deletes, nested ones included", () => {
  const applying = withKeys(put("k"));
  const judged = (...success: Operation[]) => outcome(applying.one(txn(success)));
  expect(judged(put("k"), remove("k"))).toBe("ERR_DUPLICATE_KEY");
  expect(judged(put("k"), put("k"))).toBe("ERR_DUPLICATE_KEY");
  expect(judged(remove("a", "z"), put("k"))).toBe("ERR_DUPLICATE_KEY");
  expect(judged(remove("a", null), put("k"))).toBe("ERR_DUPLICATE_KEY");
  expect(judged(put("k"), txn([put("k")]))).toBe("ERR_DUPLICATE_KEY");
  expect(judged(txn([put("k")]), txn([], [put("k")]))).toBe("ERR_DUPLICATE_KEY");
  expect(judged(txn([put("k")]), txn([remove("k")]))).toBe("ERR_DUPLICATE_KEY");
  expect(judged(txn([txn([put("k"), put("k")])]))).toBe("ERR_DUPLICATE_KEY");
  expect(outcome(applying.one(txn([], [put("k"), put("k")])))).toBe("ERR_DUPLICATE_KEY");

  expect(judged(remove("a", "z"), remove("b"))).toBe("true");
  expect(judged(txn([put("k")], [put("k")]))).toBe("true");
  expect(judged(txn([put("k")], [remove("k")]))).toBe("true");
  expect(outcome(applying.one(txn([put("k")], [remove("k")])))).toBe("true");
});

test("a transaction that would be refused changes nothing at all", () => {
  const applying = withKeys(put("a"));
  const refusals: [Operation, string][] = [
    [{ kind: "put", key: "b", value: "", lease: "none" }, "ERR_LEASE_NOT_FOUND"],
    [{ kind: "put", key: "b", value: null, lease: "" }, "ERR_KEY_NOT_FOUND"],
    [{ kind: "put", key: "", value: "", lease: "" }, "ERR_INVALID_ARGUMENT"],
    [range(0, 3), "ERR_FUTURE_REVISION"],
  ];
  for (const [operation, code] of refusals) {
    expect(outcome(applying.one(txn([remove("a"), operation])))).toBe(code);
    expect(applying.machine.store.get("a")).toBeDefined();
    expect(applying.machine.store.revision).toBe(2);
  }
  applying.one({ kind: "compact", revision: 2 });
  expect(outcome(applying.one(txn([range(0, 1)])))).toBe("ERR_COMPACTED");
});

test("a transaction has so many operations and no more, those of nested ones added to it", () => {
  const applying = withKeys();
  const many = (count: number) => Array.from({ length: count }, (_, at) => remove(`k${at}`));
  expect(outcome(applying.one(txn(many(TXN_OPERATIONS_MAX))))).toBe("true");
  expect(outcome(applying.one(txn(many(TXN_OPERATIONS_MAX + 1))))).toBe("ERR_TOO_LARGE");
  expect(outcome(applying.one(txn([], many(TXN_OPERATIONS_MAX + 1))))).toBe("ERR_TOO_LARGE");
  expect(outcome(applying.one(txn([txn(many(TXN_OPERATIONS_MAX))])))).toBe("ERR_TOO_LARGE");
  expect(outcome(applying.one(txn([txn(many(TXN_OPERATIONS_MAX - 1))])))).toBe("true");
});

test("a range that finds too much has the transaction refused, unless it sets a limit", () => {
  const applying = withKeys();
  applying.batch(Array.from({ length: TXN_RANGE_KEYS_MAX }, (_, at) => put(`k${at}`)));
  expect(outcome(applying.one(txn([range()])))).toBe("true");
  applying.one(put("one more"));
  expect(outcome(applying.one(txn([range()])))).toBe("ERR_TOO_LARGE");
  expect(outcome(applying.one(txn([range(TXN_RANGE_KEYS_MAX + 1)])))).toBe("ERR_TOO_LARGE");
  expect(outcome(applying.one(txn([range(5)])))).toBe("true");
});

test("leases are compared as numbers where they are numbers, and no id makes a comparison fail", () => {
  const ids = ["", "-", "--1", "1e3", "0x10", "9".repeat(19), "9".repeat(400_000), "-5", "007", "L"];
  const applying = new Applying(new KvMachine());
  applying.batch(ids.slice(1).map((lease) => ({ kind: "lease-grant", lease, ttlMs: 60_000 })));
  for (const lease of ids) {
    applying.one({ kind: "put", key: "k", value: "", lease });
    for (const operand of ids) {
      const holds = (relation: "less" | "greater" | "equal") => {
        const compare = { range: singleKey("k"), target: "lease", relation, operand } as const;
        const result = applying.one({ kind: "txn", compares: [compare], success: [], failure: [] });
        return result.kind === "txn" && result.succeeded;
      };
      const found = (["less", "equal", "greater"] as const).filter(holds);
      // Of two that are the same number in another spelling neither is greater.
      expect(found.length).toBeLessThanOrEqual(1);
      expect(found.includes("equal")).toBe(lease === operand);
    }
  }
});
