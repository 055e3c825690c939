import { ByteWriter } from "../../../src/base/bytes.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { MemoryFiles } from "../../../src/storage/files/memory-files.ts";
import { checksumSeed, FRAME_HEADER_BYTES } from "../../../src/storage/layout/frame.ts";
import { readManifest } from "../../../src/storage/layout/manifest.ts";
import { readRecords, writeEntryRecord, writeRestartRecord } from "../../../src/storage/wal/record.ts";
import { FRAMES_OFFSET, segmentPath } from "../../../src/storage/wal/segment.ts";
import { readSegmentParts } from "../../../src/storage/wal/segment-parts.ts";
import type { Damage } from "./damage.ts";
import type { Image, Remains } from "./remains.ts";

/** A stretch of a segment: a frame, or what lies between frames. */
interface Part {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly isFrame: boolean;
}

/**
 * Whole frames of the WAL that are gone with what follows moving up, that are there twice, or that have changed places,
 * be they of one length or not, in one segment or in two.
 */
export function* rearrangedFrames({ image }: Remains): Iterable<Damage> {
  const parts = partsOf(image);
  const frames = [...parts.keys()].filter((at) => parts[at]!.isFrame);
  for (const [number, at] of frames.entries()) {
    const part = parts[at]!;
    const put = (pieces: readonly Part[]): Image => assembled(image, parts.toSpliced(at, 1, ...pieces));
    yield { where: `frame ${number} removed`, image: put([]) };
    yield { where: `frame ${number} twice`, image: put([part, part]) };
    yield {
      where: `frame ${number} blank`,
      image: put([{ ...part, bytes: new Uint8Array(part.bytes.length) }]),
    };
  }
  for (const [number, at] of frames.entries()) {
    for (const [more, other] of frames.slice(number + 1).entries()) {
      const one = { ...parts[at]!, bytes: parts[other]!.bytes };
      const two = { ...parts[other]!, bytes: parts[at]!.bytes };
      yield {
        where: `frames ${number} and ${number + 1 + more} swapped`,
        image: assembled(image, parts.with(at, one).with(other, two)),
      };
    }
  }
}

/** Records within a frame that are gone, that are there twice, or that have changed places with their neighbour. */
export function* rearrangedRecords({ image }: Remains): Iterable<Damage> {
  const parts = partsOf(image);
  for (const [at, part] of parts.entries()) {
    if (!part.isFrame) continue;
    const records = recordsOf(part.bytes.subarray(FRAME_HEADER_BYTES));
    for (const [number, record] of records.entries()) {
      const next = records[number + 1];
      const changes = [
        ["removed", records.toSpliced(number, 1)],
        ["twice", records.toSpliced(number, 0, record)],
        ["and its neighbour swapped", next && records.toSpliced(number, 2, next, record)],
      ] as const;
      for (const [name, changed] of changes) {
        const bytes = changed === undefined ? null : withRecords(part.bytes, changed);
        if (bytes === null) continue;
        const where = `record ${number} of part ${at} ${name}`;
        yield { where, image: assembled(image, parts.with(at, { ...part, bytes })) };
      }
    }
  }
}

function partsOf(image: Image): Part[] {
  const { storeId, segments } = readManifest(new MemoryFiles(new MemoryDisk(image)))!;
  const seed = checksumSeed(storeId);
  return segments.flatMap((number) => {
    const path = segmentPath(number);
    const bytes = image.get(path)!;
    const header: Part = { path, bytes: bytes.subarray(0, FRAMES_OFFSET), isFrame: false };
    const rest = [...readSegmentParts(bytes, number, seed)].map((part): Part => {
      const length = part.kind === "frame" ? part.header.length : part.length;
      return {
        path,
        bytes: bytes.subarray(part.offset, part.offset + length),
        isFrame: part.kind === "frame",
      };
    });
    return [header, ...rest];
  });
}

/** The files that the parts make up, in their order. None is shorter than it was. */
function assembled(image: Image, parts: readonly Part[]): Image {
  const changed = new Map(image);
  for (const path of new Set(parts.map((part) => part.path))) {
    const pieces = parts.filter((part) => part.path === path).map(({ bytes }) => bytes);
    const length = pieces.reduce((sum, bytes) => sum + bytes.length, 0);
    const file = new Uint8Array(Math.max(length, image.get(path)!.length));
    let at = 0;
    for (const bytes of pieces) {
      file.set(bytes, at);
      at += bytes.length;
    }
    changed.set(path, file);
  }
  return changed;
}

function recordsOf(body: Uint8Array): Uint8Array[] {
  return [...readRecords(body)].map((record) => {
    const writer = new ByteWriter();
    if (record.kind === "entry") writeEntryRecord(writer, record.entry);
    else writeRestartRecord(writer, record.after);
    return writer.take();
  });
}

/** The frame with other records under the same header; null where they do not fit, or where nothing has changed. */
function withRecords(frame: Uint8Array, records: readonly Uint8Array[]): Uint8Array | null {
  const length = records.reduce((sum, bytes) => sum + bytes.length, 0);
  if (length > frame.length - FRAME_HEADER_BYTES) return null;
  const changed = new Uint8Array(frame.length);
  changed.set(frame.subarray(0, FRAME_HEADER_BYTES));
  let at = FRAME_HEADER_BYTES;
  for (const bytes of records) {
    changed.set(bytes, at);
    at += bytes.length;
  }
  return changed.every((byte, place) => byte === frame[place]) ? null : changed;
}
