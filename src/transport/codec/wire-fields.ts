import { type ByteReader, type ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import type { EntryId, MemberId } from "../../log/entry.ts";

export function writeEntryId(writer: ByteWriter, id: EntryId): void {
  writer.u64(id.index);
  writer.u64(id.term);
}

export function readEntryId(reader: ByteReader): EntryId {
  return { index: reader.u64(), term: reader.u64() };
}

export function readMember(reader: ByteReader): MemberId {
  const member = reader.u64();
  if (member === 0) throw new MalformedBytes("0 is no member");
  return member;
}

export function writeFlag(writer: ByteWriter, flag: boolean): void {
  writer.u8(flag ? 1 : 0);
}

export function readFlag(reader: ByteReader): boolean {
  const byte = reader.u8();
  if (byte > 1) throw new MalformedBytes("neither yes nor no");
  return byte === 1;
}

/** How many follow, each of at least `bytesMin`: never more than the bytes at hand can hold. */
export function readCount(reader: ByteReader, bytesMin: number): number {
  const count = reader.u32();
  if (count > reader.remaining / bytesMin) throw new MalformedBytes(`${count} do not fit`);
  return count;
}
