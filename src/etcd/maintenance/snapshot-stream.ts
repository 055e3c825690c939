import { createHash } from "node:crypto";
import type { Front } from "../call/front.ts";
import { drained } from "../drained.ts";
import type { MessageStream } from "../services.ts";

/** etcd's size of a message with a piece of the snapshot. */
const PIECE_BYTES = 32 * 1024;
/** The image is filled up to a multiple of this, by which `etcdctl snapshot save` knows that it is whole. */
const SECTOR_BYTES = 512;

interface SnapshotMessage {
  readonly header: ReturnType<Front["header"]> | null;
  readonly remainingBytes: bigint;
  readonly blob: Uint8Array;
  readonly version: string;
}

/**
 * Sends the state as of now, and its SHA-256 as the last message. The image is a backup of ours, not a database of
 * etcd's: `etcdctl snapshot save` keeps it, `quorate restore` takes it, and `etcdutl` cannot read it.
 */
export async function sendSnapshot(
  front: Front,
  stream: Pick<MessageStream<never, SnapshotMessage>, "client" | "send" | "onceDrained">,
): Promise<void> {
  const header = front.header();
  const hash = createHash("sha256");
  let sent = 0;
  const send = (blob: Uint8Array, remainingBytes: number): Promise<void> => {
    const message = { header, blob, remainingBytes: BigInt(remainingBytes), version: front.settings.version };
    return drained(stream, stream.send(message));
  };
  for await (const piece of pieces(front)) {
    hash.update(piece);
    sent += piece.length;
    // How much is to come is not known before it is made: what the store weighs is an upper bound.
    await send(piece, Math.max(1, front.machine.store.heldBytes - sent));
  }
  const filling = new Uint8Array((SECTOR_BYTES - (sent % SECTOR_BYTES)) % SECTOR_BYTES);
  if (filling.length > 0) await send(filling, 1);
  await send(hash.update(filling).digest(), 0);
}

async function* pieces(front: Front): AsyncGenerator<Uint8Array> {
  // As in etcd it is this member's state, which needs no leader.
  for await (const chunk of front.store.backup({ consistency: "stale" })) {
    for (let from = 0; from < chunk.length; from += PIECE_BYTES)
      yield chunk.subarray(from, from + PIECE_BYTES);
  }
}
