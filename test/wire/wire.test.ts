import { fileURLToPath } from "node:url";
import fc from "fast-check";
import protobuf from "protobufjs";
import { describe, expect, it } from "vitest";
import { MalformedBytes } from "../../src/base/bytes.ts";
import { leaseIdOf, leaseNumber } from "../../src/wire/lease-number.ts";
import type { MessageType } from "../../src/wire/message.ts";
import { METHODS, type Method } from "../../src/wire/services.ts";

const ROOT = new protobuf.Root();
const proto = (file: string): string =>
  fileURLToPath(new URL(`../../node_modules/etcd3/proto/${file}`, import.meta.url));
ROOT.resolvePath = (_origin, target) => proto(target.split("/").at(-1)!);
ROOT.loadSync(["rpc.proto", "kv.proto", "auth.proto"], { keepCase: true });

/** The messages of etcd's own description that the table has, under their names there. */
const described = Object.values(METHODS as unknown as Readonly<Record<string, Method<never, never>>>).flatMap(
  (method) => {
    const [, service, name] = /^\/etcdserverpb\.(\w+)\/(\w+)$/.exec(method.path) ?? [];
    const rpc = service === undefined ? undefined : findMethod(service, name!);
    if (rpc === undefined) return [];
    return [
      [rpc.requestType, method.request as unknown as MessageType<object>] as const,
      [rpc.responseType, method.response as unknown as MessageType<object>] as const,
    ];
  },
);

function findMethod(service: string, name: string): protobuf.Method | undefined {
  return ROOT.lookupService(`etcdserverpb.${service}`).methods[name];
}

/** A random message by protobufjs' view of its type. */
function arbitraryOf(type: protobuf.Type, depth = 3): fc.Arbitrary<object> {
  const fields = type.fieldsArray.filter(
    ({ resolvedType }) => depth > 0 || !(resolvedType instanceof protobuf.Type),
  );
  const values = Object.fromEntries(
    fields.map((field) => [field.name, arbitraryField(field.resolve(), depth)]),
  );
  return fc.record(values, { requiredKeys: [] }).map((made) => withOneOfEach(type, made));
}

function withOneOfEach(type: protobuf.Type, made: Record<string, unknown>): object {
  for (const { oneof } of type.oneofsArray) {
    const [, ...others] = oneof.filter((name) => name in made);
    for (const name of others) delete made[name];
    // In a choice of numbers, 0 is as good as none: so etcd reads what is compared with.
    for (const name of oneof) if (isEmpty(made[name])) delete made[name];
  }
  return made;
}

function isEmpty(value: unknown): boolean {
  return value === 0 || (Buffer.isBuffer(value) && value.length === 0);
}

function arbitraryField(field: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  const one = arbitraryValue(field, depth);
  return field.repeated ? fc.array(one, { maxLength: 3 }) : one;
}

function arbitraryValue({ type, resolvedType }: protobuf.Field, depth: number): fc.Arbitrary<unknown> {
  if (resolvedType instanceof protobuf.Type) return arbitraryOf(resolvedType, depth - 1);
  if (resolvedType instanceof protobuf.Enum) return fc.constantFrom(...Object.values(resolvedType.values));
  if (type === "bytes") return fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  if (type === "string") return fc.string({ unit: "binary", maxLength: 100 });
  if (type === "bool") return fc.boolean();
  if (type === "uint32") return fc.nat();
  const whole = type === "uint64" ? fc.maxSafeNat() : fc.maxSafeInteger();
  return fc.oneof(whole, fc.constantFrom(0, 1, 127, 128, 16_384, 2 ** 28, 2 ** 32, 2 ** 53 - 1));
}

describe("our messages are etcd's", () => {
  it("for every method that its description has", () => {
    expect(described.length).toBeGreaterThan(70);
  });

  it.each(described)("%s is read and written as protobufjs does", (name, ours) => {
    const theirs = ROOT.lookupType(`etcdserverpb.${name}`);
    fc.assert(
      fc.property(arbitraryOf(theirs), (made) => {
        const bytes = theirs.encode(theirs.fromObject(made)).finish();
        const again = ours.encode(ours.decode(bytes));
        const options = { longs: String, bytes: String, defaults: true } as const;
        expect(theirs.toObject(theirs.decode(again), options)).toEqual(
          theirs.toObject(theirs.decode(bytes), options),
        );
      }),
      { numRuns: 60 },
    );
  });

  it.each(described)("%s goes through JSON unchanged", (name, ours) => {
    const theirs = ROOT.lookupType(`etcdserverpb.${name}`);
    fc.assert(
      fc.property(arbitraryOf(theirs), (made) => {
        const message = ours.decode(theirs.encode(theirs.fromObject(made)).finish());
        const read = ours.fromJson(JSON.parse(JSON.stringify(ours.toJson(message))));
        expect(ours.encode(read)).toEqual(ours.encode(message));
      }),
      { numRuns: 30 },
    );
  });
});

describe("bytes of others", () => {
  it("are read or refused, whatever they are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...described), (bytes, [, type]) => {
        try {
          type.decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedBytes);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  it("may have fields that we do not know", () => {
    const put = METHODS.put.request;
    const unknown = Buffer.from("f8ff0301" + "fa7f03616263", "hex");
    expect(put.decode(Buffer.concat([put.encode({ key: "k" }), unknown]))).toEqual(put.of({ key: "k" }));
  });

  it("are refused where they nest too deeply", () => {
    let bytes: Uint8Array = Buffer.alloc(0);
    for (let depth = 0; depth < 40; depth++) bytes = wrap(0x12, wrap(0x22, bytes));
    expect(() => METHODS.txn.request.decode(bytes)).toThrow(MalformedBytes);
  });

  it("are refused where they hold more elements than allowed", () => {
    const empty = Buffer.from("1200".repeat(1_001), "hex");
    expect(() => METHODS.txn.request.decode(empty, { elementsMax: 2_000 })).toThrow(MalformedBytes);
    expect(METHODS.txn.request.decode(empty).success).toHaveLength(1_001);
  });

  it("are refused where a length goes beyond them", () => {
    expect(() => METHODS.put.request.decode(Buffer.from("0affffffff0f", "hex"))).toThrow(MalformedBytes);
  });
});

describe("a lease's id", () => {
  it("is a number of 64 bits on the wire, and text in the store", () => {
    fc.assert(
      fc.property(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), (number) => {
        expect(leaseNumber(leaseIdOf(number))).toBe(number);
        const { id } = METHODS.leaseRevoke.request.decode(
          METHODS.leaseRevoke.request.encode({ id: leaseIdOf(number) }),
        );
        expect(id).toBe(leaseIdOf(number));
      }),
    );
  });

  it("that is a name has a number that stays the same", () => {
    expect(leaseNumber("my lease")).toBe(leaseNumber("my lease"));
    expect(leaseNumber("my lease")).toBeGreaterThan(0n);
    expect(leaseNumber("007")).not.toBe(7n);
  });
});

/** A field that is led by its length. */
function wrap(tag: number, bytes: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest >= 0x80; rest >>>= 7) length.push((rest & 0x7f) | 0x80);
  return Buffer.concat([Buffer.from([tag, ...length, rest]), bytes]);
}
