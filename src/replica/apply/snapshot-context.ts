import { pack, unpack } from "../../base/codec.ts";
import { QuorateError } from "../../base/errors.ts";
import { type PackedMember, packMember, unpackMember } from "../members/directory.ts";
import type { PackedSession } from "./dedupe-table.ts";

/** What the replica keeps in a snapshot beside the machine's state. */
export interface SnapshotContext {
  readonly members: readonly PackedMember[];
  readonly sessions: readonly PackedSession[];
  /** The time of the last applied command. */
  readonly time: number;
  /** The checksum of the log up to the snapshot. */
  readonly log: number;
}

const CONTEXT_VERSION = 2;

export function encodeContext({ members, sessions, time, log }: SnapshotContext): Uint8Array {
  return pack([CONTEXT_VERSION, members, sessions, time, log]);
}

type Packed = [
  version: number,
  members: PackedMember[],
  sessions: PackedSession[],
  time: number,
  log: number,
];

/** Throws ERR_INCOMPATIBLE for bytes that no release so far has written. */
export function decodeContext(bytes: Uint8Array): SnapshotContext {
  try {
    const [version, members, sessions, time, log] = unpack(bytes) as Packed;
    if (version !== CONTEXT_VERSION) throw new TypeError("of another version");
    if (!Number.isSafeInteger(log)) throw new TypeError("not a checksum");
    const packed = members.map(unpackMember).map(packMember);
    return { members: packed, sessions: sessions.map(checkSession), time, log };
  } catch (cause) {
    throw new QuorateError(
      "ERR_INCOMPATIBLE",
      "the snapshot's context is in a form that this release does not know",
      { what: "snapshot context", found: versionOf(bytes), supported: CONTEXT_VERSION },
      { cause },
    );
  }
}

/** The first version had no number. */
function versionOf(bytes: Uint8Array): number {
  try {
    const [version] = unpack(bytes) as [unknown];
    return typeof version === "number" ? version : 1;
  } catch {
    return 0;
  }
}

function checkSession([origin, epoch, floor, applied]: PackedSession): PackedSession {
  if ([origin, epoch, floor, ...applied].every(Number.isSafeInteger)) return [origin, epoch, floor, applied];
  throw new TypeError("not a session");
}
