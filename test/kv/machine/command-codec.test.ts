import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, EMPTY_BYTES, equalBytes } from "../../../src/base/bytes.ts";
import type { Command, TxnCommand } from "../../../src/kv/machine/command.ts";
import { decodeCommand, encodeCommand } from "../../../src/kv/machine/command-codec.ts";
import { KvMachine } from "../../../src/kv/machine/kv-machine.ts";
import { TXN_DEPTH_MAX } from "../../../src/kv/machine/limits.ts";
import { command, placed } from "../arbitraries.ts";
import { Applying } from "../support.ts";

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

test("what is not quite a command is refused by the machine, and changes nothing", () => {
  const put = encodeCommand({ kind: "put", key: "k", value: "v", lease: "" });
  const shapes: Record<string, Uint8Array> = {
    nothing: EMPTY_BYTES,
    "an unknown code": Uint8Array.of(99),
    "a read by itself": encodeRead,
    "an end too early": put.subarray(0, put.length - 1),
    "a byte too many": concatBytes([put, Uint8Array.of(0)]),
    "a flag that is neither": changed(put, 6, 2),
    "a text longer than the command": changed(put, 4, 0xff),
    "a number that is not safe": changed(encodeCommand({ kind: "compact", revision: 1 }), 8, 0xff),
    "a list that is not there": changed(encodeCommand({ kind: "lease-keep-alive", leases: [] }), 4, 0xff),
    "an unknown target": changed(encodeClaim, 16, 9),
    "an unknown relation": changed(encodeClaim, 17, 9),
  };
  const applying = new Applying(new KvMachine());
  for (const [name, bytes] of Object.entries(shapes)) {
    expect(applying.bytes(bytes), name).toMatchObject({ kind: "refused", code: "ERR_INVALID_ARGUMENT" });
  }
  expect(applying.machine.store.revision).toBe(1);
});

/** A count over all keys, which only a transaction can do. */
const encodeRead = Uint8Array.of(5, 0, 0, 0, 0, 0, 0);

const encodeClaim = encodeCommand({
  kind: "txn",
  compares: [{ range: { from: "abcdef", to: null }, target: "value", relation: "equal", operand: "" }],
  success: [],
  failure: [],
});

function changed(bytes: Uint8Array, at: number, byte: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = byte;
  return copy;
}

test("transactions are nested so deep and no deeper", () => {
  const nested = (depth: number): TxnCommand => {
    const success = depth === 1 ? [] : [nested(depth - 1)];
    return { kind: "txn", compares: [], success, failure: [] };
  };
  expect(decodeCommand(encodeCommand(nested(TXN_DEPTH_MAX)))).not.toBeNull();
  expect(decodeCommand(encodeCommand(nested(TXN_DEPTH_MAX + 1)))).toBeNull();
});
