import { type ByteReader, type ByteWriter, MalformedBytes } from "../base/bytes.ts";
import type { Entry, EntryKind } from "./entry.ts";

const KINDS: readonly EntryKind[] = ["command", "membership"];

/** `kind u8 | index u64 | term u64 | length u32 | data`, little-endian: the same on the wire and in the WAL. */
export function writeEntry(writer: ByteWriter, entry: Entry): void {
  writer.u8(entry.kind === "command" ? 0 : 1);
  writer.u64(entry.index);
  writer.u64(entry.term);
  writer.block(entry.data);
}

/** Reads one entry. Its data is a view of the input: copy it to keep it beyond the input's life. */
export function readEntry(reader: ByteReader): Entry {
  const kind = KINDS[reader.u8()];
  if (kind === undefined) throw new MalformedBytes("unknown kind of entry");
  const index = reader.u64();
  const term = reader.u64();
  return { index, term, kind, data: reader.block() };
}
