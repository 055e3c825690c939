import { Durations, doubledBounds } from "../base/durations.ts";

/** What a storage counts while it runs. */
export interface StorageMetrics {
  /** How long it took to write and sync what had gathered, each time. */
  readonly writes: Durations;
  readonly bytesWritten: number;
}

/** From a millisecond to eight seconds: etcd's bounds. */
export function writeDurations(): Durations {
  return new Durations(doubledBounds(1, 14));
}
