import { expect, it } from "vitest";
import type { Command, Operation } from "../../src/kv/machine/command.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import { KvMachine, type KvQuery } from "../../src/kv/machine/kv-machine.ts";
import { ALL_KEYS, singleKey } from "../../src/kv/mvcc/key-range.ts";
import type { RandomSource } from "../../src/testkit/generate.ts";
import { checkLaws } from "../../src/testkit/laws/check-laws.ts";

const bytes = { name: "bytes", encode: (each: Uint8Array) => each, decode: (each: Uint8Array) => each };

it("the key-value store keeps the laws of state machines", { timeout: 30_000 }, () => {
  const report = checkLaws(() => new KvMachine(), {
    codec: bytes,
    commands: (random) => encodeCommand(command(random)),
    queries: (): KvQuery => ({ kind: "range", range: ALL_KEYS, limit: 0 }) as KvQuery,
    // What it answers is turned into the caller's own values by the façade.
    except: ["sharing"],
    runs: 20,
    timeLimitMs: 60_000,
  });
  expect(report.runs).toBe(20);
  expect(report.laws).not.toContain("sharing");
});

function command(random: RandomSource): Command {
  switch (random.between(0, 3)) {
    case 0:
      return { kind: "compact", revision: random.between(0, 5) };
    case 1:
      return {
        kind: "txn",
        compares: [
          {
            target: "version",
            relation: "greater",
            range: singleKey(key(random)),
            operand: random.between(0, 2),
          },
        ],
        success: [write(random), { kind: "count", range: ALL_KEYS, revision: null }],
        failure: [write(random)],
      };
    default:
      return write(random);
  }
}

function write(random: RandomSource): Extract<Operation, { kind: "put" | "delete" }> {
  if (random.between(0, 2) === 0) return { kind: "delete", range: singleKey(key(random)) };
  return { kind: "put", key: key(random), value: `v${random.between(0, 9)}`, lease: "" };
}

function key(random: RandomSource): string {
  return "abc"[random.between(0, 2)]!;
}
