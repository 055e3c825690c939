/** What survives a power cut: the contract, the disk, and its twin in memory. Begin with `Storage`. */

export type { OnCorruption } from "./disk/disk-opening.ts";
export { type DiskOptions, DiskStorage } from "./disk/disk-storage.ts";
export type { File, Files, OpenMode } from "./files/files.ts";
export type { PowerCut } from "./files/memory-disk.ts";
export { NodeFiles, type NodeFilesOptions } from "./files/node-files.ts";
export type { DiskLimits } from "./layout/limits.ts";
export type { LockHolder } from "./lock/node-lock.ts";
export { MemoryStorage, type MemoryStorageOptions } from "./memory-storage.ts";
export type { Identity, Recovered, Snapshot, SnapshotReader, SnapshotWriter, Storage } from "./storage.ts";
export type { StorageMetrics } from "./storage-metrics.ts";
