import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, equalBytes } from "../../src/base/bytes.ts";
import { crc32 } from "../../src/base/checksum.ts";
import { QuorateError } from "../../src/base/errors.ts";
import type { Command } from "../../src/kv/machine/command.ts";
import { encodeCommand } from "../../src/kv/machine/command-codec.ts";
import { KvMachine } from "../../src/kv/machine/kv-machine.ts";
import { command, placed } from "./arbitraries.ts";
import { Applying } from "./support.ts";

const put = (key: string, value = ""): Command => ({ kind: "put", key, value, lease: "" });

function apply(applying: Applying, commands: readonly Command[]): void {
  for (const one of commands) applying.one(placed(one, applying.machine.store.revision));
}

const bytesOf = (machine: KvMachine) => concatBytes([...machine.snapshot()]);
const commands = fc.array(command, { maxLength: 60 });

test("two machines that applied the same have the same snapshots, bytes and all, whatever the batches were", () => {
  fc.assert(
    fc.property(commands, fc.integer({ min: 1, max: 9 }), (history, batch) => {
      const one = new Applying(new KvMachine());
      const placedHistory = history.map((each) => placed(each, 10));
      for (const each of placedHistory) one.one(each);
      const other = new Applying(new KvMachine());
      for (let from = 0; from < history.length; from += batch)
        other.batch(placedHistory.slice(from, from + batch));
      expect(equalBytes(bytesOf(other.machine), bytesOf(one.machine))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("a restored machine goes on as the original does, result for result", () => {
  fc.assert(
    fc.property(commands, commands, (before, after) => {
      const original = new Applying(new KvMachine());
      apply(original, before);
      const restored = new Applying(new KvMachine(), original.index);
      restored.machine.restore(original.machine.snapshot());
      for (const one of after) {
        const next = placed(one, original.machine.store.revision);
        expect(restored.one(next)).toEqual(original.one(next));
      }
      expect(equalBytes(bytesOf(restored.machine), bytesOf(original.machine))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test("a snapshot shows the moment it was asked for, whatever is applied while it is read", () => {
  fc.assert(
    fc.property(commands, fc.array(commands, { minLength: 1, maxLength: 20 }), (before, meanwhile) => {
      const applying = new Applying(new KvMachine());
      apply(applying, before);
      // Several blocks, so that there are moments between them.
      applying.one({ kind: "alarm", alarm: "no-space", member: null, isRaised: false });
      applying.batch(Array.from({ length: 40 }, (_, at) => put(`big${at}`, "x".repeat(10_000))));
      const expected = bytesOf(applying.machine);
      const chunks: Uint8Array[] = [];
      const snapshot = applying.machine.snapshot()[Symbol.iterator]();
      for (let at = 0; ; at++) {
        apply(applying, meanwhile[at % meanwhile.length]!);
        const next = snapshot.next();
        if (next.done === true) break;
        chunks.push(next.value);
      }
      expect(chunks.length).toBeGreaterThan(5);
      expect(equalBytes(concatBytes(chunks), expected)).toBe(true);
    }),
    { numRuns: 40 },
  );
});

test("compaction waits for a snapshot to be read or given up, and then goes on", () => {
  const applying = new Applying(new KvMachine());
  apply(applying, [put("a"), put("a"), put("a")]);
  const { store } = applying.machine;
  const snapshots = [applying.machine.snapshot(), applying.machine.snapshot()].map((each) =>
    each[Symbol.iterator](),
  );
  applying.one({ kind: "compact", revision: 4 });
  expect(store.compaction.isDone).toBe(false);
  snapshots[0]!.return?.();
  applying.one(put("b"));
  expect(store.compaction.isDone).toBe(false);
  while (snapshots[1]!.next().done !== true);
  applying.one(put("b"));
  expect(store.compaction.isDone).toBe(true);
});

test("a damaged snapshot is refused as corrupt or read as something else, and leaves the state alone", () => {
  const source = new Applying(new KvMachine());
  apply(source, [{ kind: "lease-grant", lease: "L", ttlMs: 1 }, put("a", "1"), put("b", "2"), put("a", "3")]);
  const whole = bytesOf(source.machine);
  const target = new Applying(new KvMachine());
  target.one(put("mine"));
  for (let length = 0; length < whole.length; length++) {
    expect(() => target.machine.restore([whole.subarray(0, length)])).toThrow(QuorateError);
    expect(target.machine.store.get("mine")).toBeDefined();
  }
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
      const damaged = whole.slice();
      damaged[at] = byte;
      try {
        new KvMachine().restore([damaged]);
      } catch (error) {
        expect(QuorateError.is(error)).toBe(true);
      }
    }),
    { numRuns: 1000 },
  );
});

test("a snapshot in a newer format is refused as such", () => {
  const bytes = bytesOf(new KvMachine());
  bytes[5] = 2;
  try {
    new KvMachine().restore([bytes]);
    expect.unreachable();
  } catch (error) {
    expect(QuorateError.is(error, "ERR_INCOMPATIBLE") && error.details).toMatchObject({
      found: 2,
      supported: 1,
    });
  }
});

/** Restores in pieces, and tells what the machine shows meanwhile. */
function restoreInPieces(
  machine: KvMachine,
  bytes: Uint8Array,
  pieceBytes: number,
  between: () => void,
): void {
  const restoration = machine.beginRestore();
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    const piece = bytes.slice(from, from + pieceBytes);
    restoration.write(piece);
    // The machine must not have kept a view of it.
    piece.fill(0xff);
    between();
  }
  while (!restoration.finish()) between();
}

test("a restore in pieces shows the old state until it has finished, and then the new one", () => {
  fc.assert(
    fc.property(commands, fc.integer({ min: 1, max: 300 }), (history, pieceBytes) => {
      const source = new Applying(new KvMachine());
      apply(source, history);
      const target = new Applying(new KvMachine());
      target.one(put("old", "1"));
      restoreInPieces(target.machine, bytesOf(source.machine), pieceBytes, () => {
        expect(target.machine.store.get("old")?.value).toBe("1");
      });
      expect(equalBytes(bytesOf(target.machine), bytesOf(source.machine))).toBe(true);
    }),
    { numRuns: 200 },
  );
});

test("a restore that is not finished leaves the state alone, and another may begin", () => {
  const source = new Applying(new KvMachine());
  source.one(put("new"));
  const { machine } = new Applying(new KvMachine());
  machine.beginRestore().write(bytesOf(source.machine));
  expect(machine.store.get("new")).toBeUndefined();
  restoreInPieces(machine, bytesOf(source.machine), 7, () => {});
  expect(machine.store.get("new")).toBeDefined();
});

test("renewals, checkpoints and writes of sessions do not show in a snapshot that was begun before them", () => {
  const applying = new Applying(new KvMachine());
  const opened = applying.one({ kind: "session-open" });
  const session = opened.kind === "session-open" ? opened.session : "";
  const leases = Array.from({ length: 5000 }, (_, at) => `lease${at}`);
  applying.batch(leases.map((lease) => ({ kind: "lease-grant", lease, ttlMs: 60_000 })));
  const before = bytesOf(applying.machine);
  const snapshot = applying.machine.snapshot();
  const renewedAt = applying.machine.leases.get("lease0")!.renewedAt;
  applying.batch([
    { kind: "lease-checkpoint", checkpoints: [{ lease: "lease0", renewedAt, remainingMs: 1 }] },
    { kind: "lease-keep-alive", leases },
    { kind: "lease-revoke", lease: "lease4999", renewedAt: null },
    { kind: "session-write", session, number: 1, write: encodeCommand(put("a")) },
    { kind: "session-end", session },
  ]);
  expect(equalBytes(concatBytes([...snapshot]), before)).toBe(true);
});

test("a long search for keys of the past is interrupted by empty chunks", () => {
  const applying = new Applying(new KvMachine());
  applying.batch([put("a"), { kind: "compact", revision: 2 }]);
  applying.batch(Array.from({ length: 10_000 }, (_, at) => put(`k${at}`)));
  const lengths = [...applying.machine.snapshot()].map((chunk) => chunk.length);
  expect(lengths.filter((length) => length === 0).length).toBeGreaterThan(8);
});

test("a hash is of all that a snapshot holds, taken bit by bit, whatever is applied meanwhile", () => {
  fc.assert(
    fc.property(commands, commands, (before, meanwhile) => {
      const [one, other] = [new Applying(new KvMachine()), new Applying(new KvMachine())];
      apply(one, before);
      apply(other, before);
      expect(other.index).toBe(one.index);
      const expected = crc32(bytesOf(one.machine));
      const step = other.machine.beginHash();
      let hash = step();
      for (let at = 0; hash === undefined; at++) {
        if (at < meanwhile.length) other.one(placed(meanwhile[at]!, other.machine.store.revision));
        hash = step();
      }
      expect(hash).toBe(expected);
      other.machine.store.compaction.step(Number.POSITIVE_INFINITY);
      expect(other.machine.store.compaction.isDone).toBe(true);
    }),
    { numRuns: 100 },
  );
});
