/** How snapshots travel. Ticks are the replica's. */
export interface SnapshotLimits {
  /** Bytes in one chunk that we send. */
  readonly chunkBytes: number;
  /** Chunks under way at once: with `chunkBytes` it bounds the memory of both ends. */
  readonly windowChunks: number;
  /** The sender repeats what is not acknowledged after so many ticks. */
  readonly resendTicks: number;
  /** Either end gives up after so many ticks without a sign of the other. */
  readonly silentTicksMax: number;
  /** The longest chunk and the longest context that a receiver takes. */
  readonly chunkBytesMax: number;
  readonly contextBytesMax: number;
}

export const SNAPSHOT_LIMITS: SnapshotLimits = {
  chunkBytes: 256 * 1024,
  windowChunks: 4,
  resendTicks: 5,
  silentTicksMax: 50,
  chunkBytesMax: 1024 * 1024,
  contextBytesMax: 8 * 1024 * 1024,
};
