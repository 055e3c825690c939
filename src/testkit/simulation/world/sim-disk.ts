import type { Clock } from "../../../base/clock.ts";
import { QuorateError } from "../../../base/errors.ts";
import type { Random } from "../../../base/random.ts";
import { MemoryDisk, type PowerCut } from "../../../storage/files/memory-disk.ts";
import { type DiskCall, MemoryFiles } from "../../../storage/files/memory-files.ts";
import { readManifest } from "../../../storage/layout/manifest.ts";
import { isUnproven } from "../seen/unproven.ts";

/** A member's disk, with what is wrong with it. It outlives the processes that use it. */
export class SimDisk {
  disk = new MemoryDisk();
  isFull = false;
  slowMs = 0;
  /** How many calls of an operation still succeed before one fails. */
  #failing: { readonly operation: "write" | "sync"; left: number } | null = null;
  /** Files that have had bytes: to write them again takes no more room. */
  readonly #roomy = new Set<string>();

  /** The disk for one process. */
  open(clock: Clock): MemoryFiles {
    return new MemoryFiles(this.disk, { clock, beforeCall: (call) => this.#refusal(call) });
  }

  failAfter(operation: "write" | "sync", calls: number): void {
    this.#failing = { operation, left: calls };
  }

  mend(): void {
    this.isFull = false;
    this.slowMs = 0;
    this.#failing = null;
  }

  cutPower(cut: PowerCut, random: Random): void {
    this.disk = this.disk.afterPowerCut(cut, random);
  }

  wipe(): void {
    this.disk = new MemoryDisk();
  }

  /** Whether a start has got so far that the directory is somebody's: until then it is as good as empty. */
  get isTaken(): boolean {
    try {
      return (readManifest(new MemoryFiles(this.disk))?.bootEpoch ?? 0) > 0;
    } catch (error) {
      if (QuorateError.is(error, "ERR_CORRUPT")) return true;
      throw error;
    }
  }

  /** A copy of all files, as whoever reads them now would find them. */
  copy(): ReadonlyMap<string, Uint8Array> {
    return this.disk.image();
  }

  /** Turns one bit of a file that has any. False where nobody could tell that from a write that was cut short. */
  rot(place: number): boolean {
    const image = this.disk.image();
    const paths = [...image.keys()].filter((path) => image.get(path)!.length > 0).sort();
    const path = paths[place % paths.length];
    if (path === undefined) return false;
    const bytes = image.get(path)!;
    const offset = Math.floor(place / 8) % bytes.length;
    if (isUnproven(new MemoryFiles(this.disk), path, offset)) return false;
    bytes[offset]! ^= 1 << (place & 7);
    this.disk = new MemoryDisk(image);
    return true;
  }

  #refusal({ operation, path }: DiskCall): string | undefined {
    const size = this.disk.names.get(path)?.size ?? 0;
    if (operation === "open" && size > 0) this.#roomy.add(path);
    if (this.isFull && operation === "write" && size === 0 && !this.#roomy.has(path)) return "ENOSPC";
    if (this.#failing === null || this.#failing.operation !== operation) return undefined;
    if (this.#failing.left-- > 0) return undefined;
    this.#failing = null;
    return "EIO";
  }
}
