import { afterEach, describe, expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { createReplica } from "../../src/open.ts";
import type { CommandCodecName } from "../../src/replica/calls/command-codec.ts";
import type { Replica } from "../../src/replica/replica.ts";
import type { Codec, StateMachine } from "../../src/replica/state-machine.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { uncaughtDuring } from "../base/uncaught.ts";

/** Remembers what was applied. */
class Tape implements StateMachine<unknown, number> {
  readonly commands: unknown[] = [];
  apply(batch: readonly { readonly command: unknown }[]): number[] {
    return batch.map(({ command }) => this.commands.push(command));
  }
  query(): void {}
  snapshot(): Uint8Array[] {
    return [];
  }
  restore(): void {}
}

const open = new Set<Replica<unknown, number>>();
afterEach(async () => {
  await Promise.all([...open].map((replica) => replica.close()));
  open.clear();
});

async function opened(codec: Codec<unknown> | CommandCodecName, storage = memory()) {
  const machine = new Tape();
  const replica = await createReplica<unknown, number>({ machine, codec, storage });
  open.add(replica);
  await replica.ready();
  return { replica, machine, storage };
}

const memory = () => new MemoryStorage({ storeId: "0".repeat(32) });

const refused = {
  code: "ERR_INVALID_ARGUMENT",
  outcome: "none",
  details: { argument: "command" },
  message: expect.stringContaining("command"),
};

async function failure(call: Promise<unknown>): Promise<QuorateError> {
  const reason: unknown = await call.then(
    () => "no failure",
    (error: unknown) => error,
  );
  if (QuorateError.is(reason)) return reason;
  throw new Error(`expected a QuorateError, not ${String(reason)}`, { cause: reason });
}

const circular: { self?: unknown } = {};
circular.self = circular;
const throwing = {
  toJSON() {
    throw new Error("a bug");
  },
  get field() {
    throw new Error("a bug");
  },
};
let nested: unknown = 0;
for (let depth = 0; depth < 100_000; depth++) nested = [nested];

const NOTHING = [
  ["undefined", undefined],
  ["a function", () => 1],
  ["a symbol", Symbol("x")],
  ["a promise", Promise.resolve(1)],
  ["a circle", circular],
  ["what throws", throwing],
  ["what is too deep", nested],
] as const;
const CASES: Readonly<Record<CommandCodecName, readonly (readonly [string, unknown])[]>> = {
  json: [...NOTHING, ["a bigint", 1n], ["nothing by toJSON", { toJSON: () => undefined }]],
  msgpack: [...NOTHING, ["a bigint beyond 64 bits", 2n ** 70n], ["a symbol within", { at: Symbol("x") }]],
};

describe.each(Object.entries(CASES))("with the codec %s", (codec, cases) => {
  test("a command that cannot be encoded and decoded is refused, and never reaches the log", async () => {
    const { replica, machine, storage } = await opened(codec as CommandCodecName);
    for (const [what, command] of cases)
      expect(await failure(replica.propose(command)), what).toMatchObject(refused);
    expect(await replica.propose({ sound: 1 })).toBe(1);
    expect(machine.commands).toEqual([{ sound: 1 }]);
    await replica.close();
    const again = await opened(codec as CommandCodecName, storage);
    expect(await again.replica.propose("more")).toBe(2);
    expect(again.machine.commands).toEqual([{ sound: 1 }, "more"]);
  });
});

const bytesOf = (text: string) => new TextEncoder().encode(text);

test.each<[string, Partial<Codec<unknown>>]>([
  ["decode throws at what encode gave", { decode: broken }],
  ["encode throws", { encode: broken }],
  ["encode gives no bytes", { encode: () => "text" as unknown as Uint8Array }],
  ["encode is async", { encode: (async () => new Uint8Array(1)) as unknown as () => Uint8Array }],
  ["encode is async and rejects", { encode: (async () => broken()) as unknown as () => Uint8Array }],
  ["decode is async", { decode: async () => 1 }],
  ["decode is async and rejects", { decode: async () => broken() }],
])("a codec of which %s has its command refused, and the member goes on", async (_, part) => {
  let isBroken = true;
  const sound: Codec<unknown> = {
    name: "own",
    encode: (text) => bytesOf(String(text)),
    decode: (bytes) => new TextDecoder().decode(bytes),
  };
  const { replica, machine } = await opened({
    name: "own",
    encode: (command) => (isBroken && part.encode ? part.encode(command) : sound.encode(command)),
    decode: (bytes) => (isBroken && part.decode ? part.decode(bytes) : sound.decode(bytes)),
  });
  const caught = await uncaughtDuring(async () => {
    expect(await failure(replica.propose("x"))).toMatchObject({
      code: "ERR_INVALID_ARGUMENT",
      outcome: "none",
    });
  });
  expect(caught).toEqual([]);
  isBroken = false;
  expect(await replica.propose("y")).toBe(1);
  expect(machine.commands).toEqual(["y"]);
});

test("a codec that hands out one buffer again and again, and one that writes into what it decodes, harm no command", async () => {
  const buffer = Buffer.alloc(8);
  const { replica, machine, storage } = await opened(shared(buffer));
  await Promise.all(["a", "b", "c"].map((command) => replica.propose(command)));
  expect(machine.commands).toEqual(["a", "b", "c"]);
  await replica.close();
  const again = await opened(shared(buffer), storage);
  await again.replica.query();
  expect(again.machine.commands).toEqual(["a", "b", "c"]);
});

function shared(buffer: Buffer): Codec<unknown> {
  return {
    name: "shared",
    encode: (text) => buffer.subarray(0, buffer.write(String(text))),
    decode: (bytes) => {
      const text = new TextDecoder().decode(bytes);
      bytes.fill(0);
      return text;
    },
  };
}

function broken(): never {
  throw new Error("a bug");
}
