/** What survives a power cut: the contract, the disk, and its twin in memory. Begin with `Storage`. */

export type { OnCorruption } from "./disk-opening.ts";
export { type DiskOptions, DiskStorage } from "./disk-storage.ts";
export type { File, Files, OpenMode } from "./files.ts";
export type { DiskLimits } from "./limits.ts";
export type { PowerCut } from "./memory-disk.ts";
export { MemoryStorage, type MemoryStorageOptions } from "./memory-storage.ts";
export { NodeFiles, type NodeFilesOptions } from "./node-files.ts";
export type { LockHolder } from "./node-lock.ts";
export type { Identity, Recovered, Snapshot, SnapshotReader, SnapshotWriter, Storage } from "./storage.ts";
export type { StorageMetrics } from "./storage-metrics.ts";
