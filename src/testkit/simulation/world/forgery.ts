import { MalformedBytes } from "../../../base/bytes.ts";
import type { Message } from "../../../raft/message.ts";
import { decodePeerFrame, encodePeerFrame } from "../../../transport/codec/peer-frame.ts";
import type { RandomStream } from "../chance/random-streams.ts";

/**
 * A frame as a member of another cluster would send it that has the same name: of another store, from a later term, and
 * as favourable as can be. Null where the frame holds no message to begin with.
 */
export function foreignBytes(bytes: Uint8Array, chance: RandomStream): Uint8Array | null {
  const frame = decodePeerFrame(bytes);
  if (frame.kind !== "message") return null;
  const store = frame.store === 0 ? 1 : frame.store - 1;
  return encodePeerFrame({ ...frame, store, message: tempting(frame.message, chance.between(0, 5)) });
}

function tempting(message: Message, later: number): Message {
  const term = message.term + later;
  switch (message.kind) {
    case "vote-reply":
      return { ...message, term, granted: true };
    case "append-accepted":
      return { ...message, term, matched: message.matched + 10 };
    default:
      return { ...message, term };
  }
}

/** The bytes with something wrong with them, so that they are no frame; null where they happen to be one still. */
export function brokenBytes(bytes: Uint8Array, chance: RandomStream): Uint8Array | null {
  const broken = bytes.slice(0, chance.happens(0.5) ? chance.between(0, bytes.length) : bytes.length);
  for (let flips = chance.between(1, 8); flips > 0 && broken.length > 0; flips--) {
    broken[chance.between(0, broken.length - 1)]! ^= 1 << chance.between(0, 7);
  }
  return isFrame(broken) ? null : broken;
}

function isFrame(bytes: Uint8Array): boolean {
  try {
    decodePeerFrame(bytes);
    return true;
  } catch (error) {
    if (error instanceof MalformedBytes) return false;
    throw error;
  }
}
