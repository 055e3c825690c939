import { MalformedBytes } from "../base/bytes.ts";
import { type Field, field, type Kind, malformed } from "./field.ts";
import { DEPTH_MAX, ProtoReader, type ReadLimits } from "./reader.ts";
import { ProtoWriter } from "./writer.ts";

type Fields = Readonly<Record<string, Field<unknown>>>;

/** What a message of these fields holds. */
export type MessageOf<Table> = {
  readonly [Name in keyof Table]: Table[Name] extends Field<infer Value> ? Value : never;
};

interface NamedField {
  readonly name: string;
  readonly protoName: string;
  readonly field: Field<unknown>;
}

const EMPTY_LIST: readonly never[] = [];

const writer = new ProtoWriter();

/** A type of message: what is known of it comes from one table, for protobuf and for JSON. */
export class MessageType<Message> {
  readonly #fields: readonly NamedField[];
  readonly #byNumber: (NamedField | undefined)[] = [];
  readonly #byJsonName = new Map<string, NamedField>();
  readonly #empty: Record<string, unknown> = {};

  /** Use `message`. */
  constructor(fields: Fields) {
    this.#fields = Object.entries(fields).map(([name, declared]) => {
      return { name, protoName: declared.protoName ?? snakeCase(name), field: declared };
    });
    for (const named of this.#fields) {
      this.#byNumber[named.field.number] = named;
      for (const jsonName of [named.name, named.protoName, camelCase(named.protoName)]) {
        this.#byJsonName.set(jsonName, named);
      }
      this.#empty[named.name] = named.field.isRepeated ? EMPTY_LIST : named.field.kind.empty;
    }
  }

  /** The message with some fields set, and the others empty. */
  of(fields: Partial<Message>): Message {
    return { ...(this.#empty as Message), ...fields };
  }

  /** Throws MalformedBytes. */
  decode(bytes: Uint8Array, limits?: ReadLimits): Message {
    return this.read(new ProtoReader(bytes, limits));
  }

  encode(message: Partial<Message>): Uint8Array {
    try {
      this.write(writer, message);
    } catch (error) {
      // The next message must not begin with what was written of this one.
      writer.take();
      throw error;
    }
    return writer.take();
  }

  /** Reads up to where the reader's message ends. */
  read(reader: ProtoReader): Message {
    const message = { ...this.#empty };
    while (!reader.isAtEnd) {
      const tag = reader.tag();
      const known = this.#byNumber[tag >>> 3];
      if (known === undefined) reader.skip(tag & 7);
      else readField(reader, known, tag & 7, message);
    }
    return message as Message;
  }

  write(target: ProtoWriter, message: Partial<Message>): void {
    for (let at = this.#fields.length - 1; at >= 0; at--) {
      const { name, field: declared } = this.#fields[at]!;
      const value = (message as Record<string, unknown>)[name];
      if (value === undefined) continue;
      const { number, kind, isRepeated } = declared;
      if (isRepeated) writeAll(target, declared, value as readonly unknown[]);
      else if (!kind.isEmpty(value)) {
        kind.write(target, value);
        target.tag(number, kind.wireType);
      }
    }
  }

  /** The message in proto3's JSON, by the names of protobuf; what is empty is left out, as etcd does. */
  toJson(message: Message): Record<string, unknown> {
    const json: Record<string, unknown> = {};
    for (const { name, protoName, field: declared } of this.#fields) {
      const value = (message as Record<string, unknown>)[name];
      const { kind, isRepeated } = declared;
      if (isRepeated) {
        const items = value as readonly unknown[];
        if (items.length > 0) json[protoName] = items.map((item) => kind.toJson(item));
      } else if (!kind.isEmpty(value)) json[protoName] = kind.toJson(value);
    }
    return json;
  }

  /** Takes names in snake case and in camel case, and passes over what it does not know. Throws MalformedBytes. */
  fromJson(json: unknown, depthLeft = DEPTH_MAX): Message {
    if (depthLeft === 0) throw new MalformedBytes(`nested more than ${DEPTH_MAX} times`);
    if (typeof json !== "object" || json === null || Array.isArray(json)) throw malformed("an object", json);
    const message = { ...this.#empty };
    for (const [name, value] of Object.entries(json)) {
      const known = this.#byJsonName.get(name);
      if (known === undefined || value === null) continue;
      const { kind, isRepeated } = known.field;
      if (!isRepeated) message[known.name] = kind.fromJson(value, depthLeft - 1);
      else if (Array.isArray(value))
        message[known.name] = value.map((item) => kind.fromJson(item, depthLeft - 1));
      else throw malformed("a list", value);
    }
    return message as Message;
  }
}

export function message<const Table extends Fields>(fields: Table): MessageType<MessageOf<Table>> {
  return new MessageType(fields);
}

/** A field that is a message, null when it is not there. Types that hold each other are named by a function. */
export function nested<Message>(number: number, type: () => MessageType<Message>): Field<Message | null> {
  return field(number, messageKind(type), false);
}

export function nestedList<Message>(
  number: number,
  type: () => MessageType<Message>,
): Field<readonly Message[]> {
  return field(number, messageKind(type), true);
}

function messageKind<Message>(type: () => MessageType<Message>): Kind<Message | null> {
  return {
    wireType: 2,
    empty: null,
    isEmpty: (value) => value === null,
    read(reader) {
      reader.element();
      return reader.nested(() => type().read(reader));
    },
    write(target, value) {
      const before = target.length;
      type().write(target, value!);
      target.uint(target.length - before);
    },
    toJson: (value) => type().toJson(value!),
    fromJson: (json, depthLeft) => type().fromJson(json, depthLeft),
  };
}

function readField(
  reader: ProtoReader,
  { name, field: { kind, isRepeated } }: NamedField,
  wireType: number,
  into: Record<string, unknown>,
): void {
  if (wireType !== kind.wireType && !(isRepeated && wireType === 2)) {
    throw new MalformedBytes(`wrong wire type ${wireType} for field ${name}`);
  }
  if (!isRepeated) into[name] = kind.read(reader);
  else {
    reader.element();
    if (into[name] === EMPTY_LIST) into[name] = [];
    const items = into[name] as unknown[];
    if (wireType === kind.wireType) items.push(kind.read(reader));
    else readPacked(reader, kind, items);
  }
}

function readPacked(reader: ProtoReader, kind: Kind<unknown>, items: unknown[]): void {
  reader.nested(() => {
    while (!reader.isAtEnd) {
      reader.element();
      items.push(kind.read(reader));
    }
  });
}

/** Numbers are packed, which is proto3's default. */
function writeAll(target: ProtoWriter, { number, kind }: Field<unknown>, items: readonly unknown[]): void {
  if (items.length === 0) return;
  const isPacked = kind.wireType === 0;
  const before = target.length;
  for (let at = items.length - 1; at >= 0; at--) {
    kind.write(target, items[at]);
    if (!isPacked) target.tag(number, kind.wireType);
  }
  if (!isPacked) return;
  target.uint(target.length - before);
  target.tag(number, 2);
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
