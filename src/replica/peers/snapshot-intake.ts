import type { Done } from "../../base/callback.ts";
import { QuorateError } from "../../base/errors.ts";
import type { SnapshotMessage } from "../../raft/message.ts";
import type { Snapshot, SnapshotWriter, Storage } from "../../storage/storage.ts";
import type { SnapshotSink } from "../../transport/snapshots/incoming-snapshot.ts";

export interface IntakeParts {
  readonly storage: Storage;
  /** Whether the core waits for a snapshot to be in force. */
  isRestoring(): boolean;
  /** The disk could not keep what another member sent. */
  onDiskFailure(error: QuorateError): void;
}

/**
 * Snapshots that other members send, one at a time: from the first byte until the core has been told. A former leader
 * and its successor may send at the same time; were both taken in, the one that the core restores would no longer be
 * the one that the disk holds.
 */
export class SnapshotIntake {
  readonly #parts: IntakeParts;
  #state: "free" | "taking" | "taken" = "free";

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** A place for the snapshot, or null while there is none: its sender tries again. */
  open(snapshot: Snapshot): SnapshotSink | null {
    const { storage, isRestoring } = this.#parts;
    if (this.#state !== "free" || isRestoring()) return null;
    const writer = storage.createSnapshot(snapshot);
    this.#state = "taking";
    return {
      write: (chunk, done) => writer.write(chunk, (error) => this.#written(error, done)),
      commit: (done) => writer.commit((error) => this.#committed(error, done)),
      abort: () => this.#abort(writer),
    };
  }

  /**
   * What to tell the core of a snapshot that is kept now. The disk may hold a newer one, of a leader whose word came too
   * late: all of it is committed, so it will do, and it is the one that can be restored.
   */
  messageFor(message: SnapshotMessage): SnapshotMessage {
    const reader = this.#parts.storage.openSnapshot();
    if (reader === undefined) return message;
    reader.close();
    return { ...message, snapshot: reader.snapshot.metadata };
  }

  /** Lets one tick pass: by now the core has heard of what was taken. */
  tick(): void {
    if (this.#state === "taken") this.#state = "free";
  }

  #abort(writer: SnapshotWriter): void {
    if (this.#state === "taking") this.#state = "free";
    writer.abort();
  }

  #written(error: QuorateError | null, done: Done): void {
    if (error !== null) this.#state = "free";
    done(error);
  }

  #committed(error: QuorateError | null, done: Done): void {
    this.#state = error === null ? "taken" : "free";
    // A member that is sent snapshots may have nothing else to save for long, and would not notice what its disk did.
    if (QuorateError.is(error, "ERR_DISK")) this.#parts.onDiskFailure(error);
    done(error);
  }
}
