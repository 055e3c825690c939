import fc from "fast-check";
import { expect, test } from "vitest";
import { equalBytes } from "../../src/base/bytes.ts";
import { pack } from "../../src/base/codec.ts";
import type { Command, TxnCommand } from "../../src/kv/command.ts";
import { decodeCommand, encodeCommand } from "../../src/kv/command-codec.ts";
import { KvMachine } from "../../src/kv/kv-machine.ts";
import { TXN_DEPTH_MAX } from "../../src/kv/limits.ts";
import { command, placed } from "./arbitraries.ts";
import { Applying } from "./support.ts";

const REVISION = 100;

test("what is encoded is decoded again, and always as the same bytes", () => {
  fc.assert(
    fc.property(command, (unplaced) => {
      const original = placed(unplaced, REVISION);
      const bytes = encodeCommand(original);
      expect(decodeCommand(bytes)).toEqual(original);
      expect(equalBytes(encodeCommand(decodeCommand(bytes)!), bytes)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("a long text, and one above ASCII, come back as they were", () => {
  for (const value of ["x".repeat(100_000), "\xff".repeat(5000), "é", ""]) {
    const original: Command = { kind: "put", key: "k", value, lease: "" };
    expect(decodeCommand(encodeCommand(original))).toEqual(original);
  }
});

test("no bytes make the decoder throw or give something else than a command", () => {
  const damaged = fc
    .tuple(command, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), fc.nat(4))
    .map(([unplaced, changes, cut]) => {
      const bytes = encodeCommand(placed(unplaced, REVISION));
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes.subarray(0, bytes.length - cut);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), damaged), (bytes) => {
      const decoded = decodeCommand(bytes);
      if (decoded !== null) expect(decodeCommand(encodeCommand(decoded))).toEqual(decoded);
      new Applying(new KvMachine()).bytes(bytes);
    }),
    { numRuns: 5000 },
  );
});

test("unknown shapes are refused by the machine, and change nothing", () => {
  const shapes = [
    null,
    [],
    {},
    [99],
    [1],
    [1, "k", "v"],
    [1, "k", "v", "", 0],
    [1, 1, "v", ""],
    [1, "é", "v", ""],
    [2, "a"],
    [4, "a", null, null, 0, false],
    [3, [], [], "x"],
    [3, [["a", null, 9, 0, 1]], [], []],
    [3, [["a", null, 0, 0, 1]], [], []],
    [6, "L", -1],
    [6, "L", 1.5],
    [7, "L", undefined],
    [10, "1"],
    [10, 2 ** 53],
  ];
  const applying = new Applying(new KvMachine());
  for (const shape of shapes) {
    expect(applying.bytes(pack(shape))).toMatchObject({ kind: "refused", code: "ERR_INVALID_ARGUMENT" });
  }
  expect(applying.machine.store.revision).toBe(1);
});

test("transactions are nested so deep and no deeper", () => {
  const nested = (depth: number): TxnCommand => {
    const success = depth === 1 ? [] : [nested(depth - 1)];
    return { kind: "txn", compares: [], success, failure: [] };
  };
  expect(decodeCommand(encodeCommand(nested(TXN_DEPTH_MAX)))).not.toBeNull();
  expect(decodeCommand(encodeCommand(nested(TXN_DEPTH_MAX + 1)))).toBeNull();
});

test("what one command holds does not change how the next is read", () => {
  const original: Command = { kind: "compact", revision: 64 };
  // A record definition of msgpackr's own, which could give the byte 0x40 another meaning.
  const record = Uint8Array.of(0xd4, 0x72, 0x40, 0x91, 0xa1, 0x61, 0x01);
  expect(decodeCommand(record)).toBeNull();
  expect(decodeCommand(encodeCommand(original))).toEqual(original);
});
