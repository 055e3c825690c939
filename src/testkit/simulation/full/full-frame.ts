import { MalformedBytes } from "../../../base/bytes.ts";
import type { Message } from "../../../raft/message.ts";
import { decodePeerFrame } from "../../../transport/codec/peer-frame.ts";

/** A frame on its way, and what of it concerns the core. */
export interface FullFrame {
  readonly id: number;
  readonly bytes: Uint8Array;
  readonly message: Message | null;
  /** Whether the member in whose name it comes did not send it. */
  readonly isForged?: true;
}

export function fullFrame(id: number, bytes: Uint8Array): FullFrame {
  return { id, bytes, message: messageOf(bytes) };
}

function messageOf(bytes: Uint8Array): Message | null {
  try {
    const frame = decodePeerFrame(bytes);
    return frame.kind === "message" || frame.kind === "snapshot-begin" ? frame.message : null;
  } catch (error) {
    if (error instanceof MalformedBytes) return null;
    throw error;
  }
}
