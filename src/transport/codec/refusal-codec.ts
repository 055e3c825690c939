import { type ByteReader, type ByteWriter, MalformedBytes } from "../../base/bytes.ts";
import type { Refusal, RefusalReason } from "../../raft/refusal.ts";

/** How each reason is told on the wire. A number is never given to another reason. */
const CODES: Record<RefusalReason, number> = {
  "no-leader": 1,
  "not-leader": 2,
  transferring: 3,
  "over-budget": 4,
  "not-a-member": 5,
  learner: 6,
  "change-pending": 7,
  joint: 8,
  "not-joint": 9,
  "invalid-change": 10,
  "configuration-changed": 11,
  "removed-id": 12,
  "not-promotable": 13,
  superseded: 14,
  "too-many-reads": 15,
  malformed: 16,
  failed: 17,
  "learner-not-ready": 18,
  lease: 19,
};

const REASONS = new Map(Object.entries(CODES).map(([reason, code]) => [code, reason as RefusalReason]));

/** The sender cuts the detail at this many characters; it is for people. */
const DETAIL_LENGTH_MAX = 512;

/** `reason u8 | detail, led by its length`; an empty detail is none. */
export function writeRefusal(writer: ByteWriter, refusal: Refusal): void {
  writer.u8(CODES[refusal.refused]);
  writer.text((refusal.detail ?? "").slice(0, DETAIL_LENGTH_MAX));
}

export function readRefusal(reader: ByteReader): Refusal {
  const refused = REASONS.get(reader.u8());
  if (refused === undefined) throw new MalformedBytes("unknown reason of a refusal");
  const detail = reader.text();
  return detail === "" ? { refused } : { refused, detail };
}
