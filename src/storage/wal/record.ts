import { ByteReader, type ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import type { Entry, EntryId } from "../../log/entry.ts";
import { readEntry, writeEntry } from "../../log/entry-codec.ts";

/** What a frame is made of: an entry, or the mark that the log begins anew after a snapshot. */
export type WalRecord =
  | { readonly kind: "entry"; readonly entry: Entry }
  | { readonly kind: "restart"; readonly after: EntryId };

const END = 0;
const ENTRY = 1;
const RESTART = 2;

export function writeEntryRecord(writer: ByteWriter, entry: Entry): void {
  writer.u8(ENTRY);
  writeEntry(writer, entry);
}

export function writeRestartRecord(writer: ByteWriter, after: EntryId): void {
  writer.u8(RESTART);
  writer.u64(after.index);
  writer.u64(after.term);
}

/** The records in the body of a frame. Their data are copies, so that one kept entry does not pin a whole segment. */
export function* readRecords(body: Uint8Array): Iterable<WalRecord> {
  const reader = new ByteReader(body);
  while (reader.remaining > 0) {
    const kind = reader.u8();
    if (kind === END) return;
    yield readRecord(reader, kind);
  }
}

/** The bytes of the records alone, without the padding after them. */
export function withoutPadding(body: Uint8Array): Uint8Array {
  const reader = new ByteReader(body);
  while (reader.remaining > 0) {
    const kind = reader.u8();
    if (kind === END) return body.subarray(0, reader.offset - 1);
    readRecord(reader, kind);
  }
  return body;
}

function readRecord(reader: ByteReader, kind: number): WalRecord {
  switch (kind) {
    case ENTRY: {
      const entry = readEntry(reader);
      return { kind: "entry", entry: { ...entry, data: entry.data.slice() } };
    }
    case RESTART:
      return { kind: "restart", after: { index: reader.u64(), term: reader.u64() } };
    default:
      throw new MalformedBytes(`unknown kind of record ${kind}`);
  }
}
