import { QuorateError } from "../../../base/errors.ts";
import type { Files } from "../../../storage/files/files.ts";
import { checksumSeed, type FrameHeader, readFrameHeader } from "../../../storage/layout/frame.ts";
import { readManifest } from "../../../storage/layout/manifest.ts";
import { FRAMES_OFFSET, segmentNumbers, segmentPath } from "../../../storage/wal/segment.ts";
import { StateSlots } from "../../../storage/wal/state-slots.ts";

/**
 * Whether this byte is one of the last frame of the WAL, and nothing says yet that the frame was durable. Damage there
 * looks like a write that was cut short, which no start can tell apart: see what is assumed in `docs/guarantees.md`.
 */
export function isUnproven(files: Files, path: string, offset: number): boolean {
  try {
    const manifest = readManifest(files);
    if (manifest === null) return false;
    const seed = checksumSeed(manifest.storeId);
    const last = lastFrame(files, seed);
    if (last === null || segmentPath(last.segment) !== path) return false;
    const isInside = offset >= last.offset && offset < last.offset + last.length;
    const durable = Math.max(manifest.durableSequence, StateSlots.load(files, seed).sequence);
    return isInside && last.sequence > durable;
  } catch (error) {
    // What cannot be read any more is damaged already.
    if (QuorateError.is(error)) return false;
    throw error;
  }
}

function lastFrame(files: Files, seed: number): FrameHeader | null {
  for (const number of segmentNumbers(files).reverse()) {
    const bytes = files.readSync(segmentPath(number));
    let last: FrameHeader | null = null;
    for (let at = FRAMES_OFFSET; at < bytes.length; at += last.length) {
      const header = readFrameHeader(bytes, at, seed);
      if (header === null) break;
      last = header;
    }
    if (last !== null) return last;
  }
  return null;
}
