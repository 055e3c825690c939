/** The few messages of etcd's protocol that the load needs, laid out by hand. */

const PUT_KEY = 1;
const PUT_VALUE = 2;
const RANGE_KEY = 1;
const RANGE_END = 2;
const RESPONSE_HEADER = 1;
const HEADER_REVISION = 3;
const WATCH_CREATE = 1;
const WATCH_EVENTS = 11;
const TXN_SUCCESS = 2;
const OPERATION_PUT = 2;

export const PUT_PATH = "/etcdserverpb.KV/Put";
export const RANGE_PATH = "/etcdserverpb.KV/Range";
export const TXN_PATH = "/etcdserverpb.KV/Txn";
export const WATCH_PATH = "/etcdserverpb.Watch/Watch";
export const STATUS_PATH = "/etcdserverpb.Maintenance/Status";

export const EMPTY = new Uint8Array();

export function putRequest(key: string, value: string): Uint8Array {
  return Buffer.concat([field(PUT_KEY, key), field(PUT_VALUE, value)]);
}

export function rangeRequest(key: string, end = ""): Uint8Array {
  return Buffer.concat([field(RANGE_KEY, key), ...(end === "" ? [] : [field(RANGE_END, end)])]);
}

export function putsInOneTxn(puts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(puts.map((put) => field(TXN_SUCCESS, field(OPERATION_PUT, put))));
}

/** A watch of every key. */
export function watchRequest(): Uint8Array {
  return field(WATCH_CREATE, Buffer.concat([field(1, "\0"), field(2, "\0")]));
}

/** A gRPC message: not compressed, and its length. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

export function revisionOf(response: Uint8Array): number {
  const header = fieldsOf(response).find(({ number }) => number === RESPONSE_HEADER);
  return fieldsOf(header!.bytes).find(({ number }) => number === HEADER_REVISION)?.value ?? 0;
}

/** Whether the member that gave this status leads. */
export function isLeader(status: Uint8Array): boolean {
  const fields = fieldsOf(status);
  const header = fieldsOf(fields.find(({ number }) => number === RESPONSE_HEADER)!.bytes);
  const id = header.find(({ number }) => number === 2)?.big;
  return id !== undefined && id === fields.find(({ number }) => number === 4)?.big;
}

export function eventsIn(watchResponse: Uint8Array): number {
  let count = 0;
  for (const { number } of fieldsOf(watchResponse)) if (number === WATCH_EVENTS) count += 1;
  return count;
}

function field(number: number, content: string | Uint8Array): Buffer {
  const bytes = Buffer.from(content as string);
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  while (value > 0x7f) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return [...bytes, value];
}

interface Field {
  readonly number: number;
  readonly value: number;
  readonly big: bigint;
  readonly bytes: Uint8Array;
}

/** Varints and what has a length: nothing else is in the messages that are read here. */
function fieldsOf(message: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const read = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(read());
    const big = read();
    const isBytes = (tag & 7) === 2;
    const bytes = isBytes ? message.subarray(at, at + Number(big)) : EMPTY;
    at += bytes.length;
    fields.push({ number: tag >>> 3, value: Number(big), big, bytes });
  }
  return fields;
}
