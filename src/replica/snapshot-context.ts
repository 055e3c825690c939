import { pack, unpack } from "../base/codec.ts";
import { QuorateError } from "../base/errors.ts";
import { type PackedMember, packMember, unpackMember } from "./directory.ts";
import type { PackedSession } from "./sessions.ts";

/** What the replica keeps in a snapshot beside the machine's state. */
export interface SnapshotContext {
  readonly members: readonly PackedMember[];
  readonly sessions: readonly PackedSession[];
  /** The time of the last applied command. */
  readonly time: number;
  /** The checksum of the log up to the snapshot. */
  readonly log: number;
}

export function encodeContext({ members, sessions, time, log }: SnapshotContext): Uint8Array {
  return pack([members, sessions, time, log]);
}

/** Throws ERR_INCOMPATIBLE for bytes that no release so far has written. */
export function decodeContext(bytes: Uint8Array): SnapshotContext {
  try {
    const [members, sessions, time, log] = unpack(bytes) as [PackedMember[], PackedSession[], number, number];
    if (!Number.isSafeInteger(log)) throw new TypeError("not a checksum");
    const packed = members.map(unpackMember).map(packMember);
    return { members: packed, sessions: sessions.map(checkSession), time, log };
  } catch (cause) {
    throw new QuorateError(
      "ERR_INCOMPATIBLE",
      "the snapshot's context is in a form that this release does not know",
      { what: "snapshot context", found: bytes[0] ?? 0, supported: 1 },
      { cause },
    );
  }
}

function checkSession([origin, floor, applied]: PackedSession): PackedSession {
  if (Number.isSafeInteger(origin) && Number.isSafeInteger(floor) && applied.every(Number.isSafeInteger)) {
    return [origin, floor, applied];
  }
  throw new TypeError("not a session");
}
