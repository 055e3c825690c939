import type { ByteReader, ByteWriter } from "../../base/bytes.ts";

/** Thrown inside a decoder of commands, never out of it: bytes that no release so far has written. */
export class UnknownShape extends Error {}

/** Writes one value behind what was written before. */
export type Write<Value> = (writer: ByteWriter, value: Value) => void;
/** Reads one value, or throws. */
export type Read<Value> = (reader: ByteReader) => Value;

export function writeText(writer: ByteWriter, text: string): void {
  writer.latin1(text);
}

export function readText(reader: ByteReader): string {
  return reader.latin1();
}

export function writeNumber(writer: ByteWriter, number: number): void {
  writer.u64(number);
}

export function readNumber(reader: ByteReader): number {
  return reader.u64();
}

export function writeBoolean(writer: ByteWriter, claim: boolean): void {
  writer.u8(claim ? 1 : 0);
}

export function readBoolean(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw new UnknownShape();
  return byte === 1;
}

export function writeOneOf<Value>(writer: ByteWriter, values: readonly Value[], value: Value): void {
  writer.u8(values.indexOf(value));
}

export function readOneOf<Value>(reader: ByteReader, values: readonly Value[]): Value {
  const value = values[reader.u8()];
  if (value === undefined) throw new UnknownShape();
  return value;
}

export function writeMaybe<Value>(writer: ByteWriter, value: Value | null, write: Write<Value>): void {
  writer.u8(value === null ? 0 : 1);
  if (value !== null) write(writer, value);
}

export function readMaybe<Value>(reader: ByteReader, read: Read<Value>): Value | null {
  return readBoolean(reader) ? read(reader) : null;
}

export function writeList<Value>(writer: ByteWriter, values: readonly Value[], write: Write<Value>): void {
  writer.u32(values.length);
  for (const value of values) write(writer, value);
}

/** The length is not believed: a list that is not there ends the reading, and costs nothing. */
export function readList<Value>(reader: ByteReader, read: Read<Value>): Value[] {
  const values: Value[] = [];
  for (let left = reader.u32(); left > 0; left--) values.push(read(reader));
  return values;
}
