import { type FrameHeader, readFrameBody, readFrameHeader, SECTOR_BYTES } from "../layout/frame.ts";
import { FRAMES_OFFSET } from "./segment.ts";

/** What a stretch of a segment is, whatever it means for the log: that is for `recoverWal` to say. */
export type SegmentPart =
  | {
      readonly kind: "frame";
      readonly offset: number;
      readonly header: FrameHeader;
      readonly body: Uint8Array;
    }
  | { readonly kind: "unreadable"; readonly offset: number; readonly length: number }
  | { readonly kind: "blank"; readonly offset: number; readonly length: number };

/** Every byte of a segment after its header, in order: for somebody who looks at a store that may be damaged. */
export function* readSegmentParts(bytes: Uint8Array, number: number, seed: number): Iterable<SegmentPart> {
  let from = FRAMES_OFFSET;
  let offset = FRAMES_OFFSET;
  while (offset < bytes.length) {
    const frame = frameAt(bytes, offset, number, seed);
    if (frame === null) {
      offset += SECTOR_BYTES;
      continue;
    }
    yield* gap(bytes, from, offset);
    yield frame;
    offset += frame.header.length;
    from = offset;
  }
  yield* gap(bytes, from, bytes.length);
}

function frameAt(
  bytes: Uint8Array,
  offset: number,
  number: number,
  seed: number,
): Extract<SegmentPart, { kind: "frame" }> | null {
  const header = readFrameHeader(bytes, offset, seed);
  if (header === null || header.segment !== number || header.offset !== offset) return null;
  const body = readFrameBody(bytes, offset, header, seed);
  return body === null ? null : { kind: "frame", offset, header, body };
}

/** What is no frame: bytes that mean nothing, and zeros after them. */
function* gap(bytes: Uint8Array, from: number, to: number): Iterable<SegmentPart> {
  const written = bytes.subarray(from, to).findLastIndex((byte) => byte !== 0) + 1;
  if (written > 0) yield { kind: "unreadable", offset: from, length: written };
  if (from + written < to) yield { kind: "blank", offset: from + written, length: to - from - written };
}
