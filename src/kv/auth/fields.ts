import { latin1Text, MalformedBytes } from "../../base/bytes.ts";
import { unpack } from "../../base/codec.ts";
import type { KeyRange } from "../mvcc/key-range.ts";

/** The elements of an array that came from outside, one after the other, each of the type that is asked for. */
export class Fields {
  readonly #values: readonly unknown[];
  #next = 0;

  /** Like all methods, throws MalformedBytes when it is something else. */
  constructor(value: unknown) {
    if (!Array.isArray(value)) throw new MalformedBytes("not a list");
    this.#values = value as unknown[];
  }

  /** The elements of an array in MessagePack. */
  static of(bytes: Uint8Array): Fields {
    let value: unknown;
    try {
      value = unpack(bytes);
    } catch {
      throw new MalformedBytes("no MessagePack");
    }
    return new Fields(value);
  }

  text(): string {
    return this.#checked((value): value is string => typeof value === "string");
  }

  maybeText(): string | null {
    return this.#checked((value): value is string | null => value === null || typeof value === "string");
  }

  number(): number {
    return this.#checked((value): value is number => Number.isSafeInteger(value) && (value as number) >= 0);
  }

  claim(): boolean {
    return this.#checked((value): value is boolean => typeof value === "boolean");
  }

  list(): readonly unknown[] {
    return this.#checked((value): value is unknown[] => Array.isArray(value));
  }

  oneOf<Kind>(kinds: readonly Kind[]): Kind {
    const kind = kinds[this.number()];
    if (kind === undefined) throw new MalformedBytes("unknown kind");
    return kind;
  }

  range(): KeyRange {
    const from = latin1Text(this.#checked(isBytes));
    const to = this.#checked((value): value is Uint8Array | null => value === null || isBytes(value));
    return { from, to: to === null ? null : latin1Text(to) };
  }

  end(): void {
    if (this.#next !== this.#values.length) throw new MalformedBytes("fields left over");
  }

  #checked<Value>(isOne: (value: unknown) => value is Value): Value {
    const value = this.#values[this.#next++];
    if (!isOne(value)) throw new MalformedBytes("a field of another type");
    return value;
  }
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}
