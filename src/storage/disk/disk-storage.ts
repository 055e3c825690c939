import { assert } from "../../base/assert.ts";
import type { Done } from "../../base/callback.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import type { Overrides } from "../../base/defaults.ts";
import { QuorateError } from "../../base/errors.ts";
import { callback, having, NO_OPTIONS, OptionTable, oneOf } from "../../base/options.ts";
import type { Index } from "../../log/entry.ts";
import type { Save } from "../../raft/effects.ts";
import type { Files } from "../files/files.ts";
import { atOnce, inSlices, type Slices } from "../files/slices.ts";
import { RESERVE_PATH } from "../layout/data-dir.ts";
import { DiskReserve, isNoSpace } from "../layout/disk-reserve.ts";
import { DISK_LIMITS, type DiskLimits, diskLimits } from "../layout/limits.ts";
import { Manifest } from "../layout/manifest.ts";
import { SnapshotStore } from "../snapshots/snapshot-store.ts";
import type { Identity, Recovered, Snapshot, SnapshotReader, SnapshotWriter, Storage } from "../storage.ts";
import type { StorageMetrics } from "../storage-metrics.ts";
import { segmentPath } from "../wal/segment.ts";
import { SegmentRow } from "../wal/segment-row.ts";
import { Wal } from "../wal/wal.ts";
import { type OnCorruption, type OpenedDisk, openDirectory } from "./disk-opening.ts";
import { Scrubber } from "./scrubber.ts";

export interface DiskOptions extends Overrides<DiskLimits> {
  readonly clock?: Clock;
  /** Gives the 16 bytes in hex that name a new store. They must differ from store to store; by default they are random. */
  readonly mintStoreId?: () => string;
  /**
   * `refuse`, the default: a damaged store is not opened. `repair-from-peers`: it is opened with what of it is proved,
   * and `Recovered.lostTerm` says what the member must not do until its peers have sent the rest. Only for a member
   * with peers; what cannot be read is set aside in `damaged/`.
   */
  readonly onCorruption?: OnCorruption;
}

const DISK_OPTIONS = new OptionTable<DiskOptions>("DiskStorage", {
  ...DISK_LIMITS,
  clock: having<Clock>("a clock", "monotonic", "wall", "after", "soon"),
  mintStoreId: callback<() => string>(),
  onCorruption: oneOf("refuse", "repair-from-peers"),
});

/** What there is only while the storage is open. */
interface OpenParts {
  readonly room: DiskReserve;
  readonly manifest: Manifest;
  readonly snapshots: SnapshotStore;
  readonly wal: Wal;
  readonly scrubber: Scrubber;
}

/**
 * A storage in a directory: a WAL of checksummed frames, snapshots, and a manifest that names what belongs to the
 * store. What was acknowledged survives a power cut at any moment; what cannot be read back is refused by name.
 * The bytes are described in `docs/formats.md`, the reasons in `docs/decisions/0003-wal-format.md`.
 */
export class DiskStorage implements Storage {
  readonly #files: Files;
  readonly #limits: DiskLimits;
  readonly #clock: Clock;
  readonly #mintStoreId: () => string;
  readonly #onCorruption: OnCorruption;
  #parts: OpenParts | null = null;
  #compactedTo: Index = 0;
  #onFault: (fault: QuorateError) => void = () => {};

  /** Throws ERR_INVALID_ARGUMENT. */
  constructor(files: Files, options: DiskOptions = NO_OPTIONS) {
    DISK_OPTIONS.check(options);
    const { clock = systemClock, mintStoreId = randomStoreId, onCorruption = "refuse", ...limits } = options;
    this.#files = files;
    this.#limits = diskLimits(limits);
    this.#clock = clock;
    this.#mintStoreId = mintStoreId;
    this.#onCorruption = onCorruption;
  }

  open(identity: Identity): Recovered {
    assert(this.#parts === null, "a storage is opened once");
    this.#lock();
    return atOnce(this.#opening(identity));
  }

  openInSlices(identity: Identity, done: (error: unknown, recovered?: Recovered) => void): void {
    assert(this.#parts === null, "a storage is opened once");
    this.#lockWhenFree((error) => {
      if (error === null) inSlices(this.#clock, this.#opening(identity), done);
      else done(error);
    });
  }

  #lock(): void {
    try {
      this.#files.lock();
    } catch (error) {
      if (!this.#givesUpReserve(error)) throw error;
      this.#files.lock();
    }
  }

  #lockWhenFree(done: (error: unknown) => void): void {
    this.#files.lockWhenFree((error) => {
      try {
        if (error === null || !this.#givesUpReserve(error)) return done(error);
      } catch (failure) {
        return done(failure);
      }
      this.#files.lockWhenFree(done);
    });
  }

  /**
   * Gives up the reserve for a start that failed only for want of room, and tells whether there was one. Where a disk has
   * not one block left even the lock needs it: should another process hold that, it has lost its reserve and no more.
   */
  #givesUpReserve(error: unknown): boolean {
    if (!isNoSpace(error) || !this.#files.listSync("").includes(RESERVE_PATH)) return false;
    this.#files.removeSync(RESERVE_PATH);
    return true;
  }

  /** With the lock held; it is given up again when this fails. */
  *#opening(identity: Identity): Slices<Recovered> {
    try {
      const opened = yield* this.#openWithReserve(identity);
      this.#parts = this.#assemble(opened);
      return recoveredFrom(opened);
    } catch (error) {
      this.#files.unlock();
      throw error;
    }
  }

  get isFull(): boolean {
    return this.#parts?.room.isFull ?? false;
  }

  save(step: Save, done: Done): void {
    if (this.#parts === null) {
      this.#refuse(done);
      return;
    }
    const { wal, snapshots } = this.#parts;
    const isCommitted = step.snapshot === undefined || (snapshots.newest?.index ?? 0) >= step.snapshot.index;
    assert(isCommitted, "a snapshot is committed before the step that begins the log after it");
    wal.save(step, done);
  }

  createSnapshot(snapshot: Snapshot): SnapshotWriter {
    return this.#openParts().snapshots.create(snapshot);
  }

  openSnapshot(): SnapshotReader | undefined {
    return this.#openParts().snapshots.open();
  }

  compactTo(index: Index): void {
    this.#compactedTo = Math.max(this.#compactedTo, index);
    const { wal, snapshots } = this.#openParts();
    // The log stays as far back as the oldest snapshot that is kept: it stands in when the newest is damaged.
    wal.dropTo(Math.min(this.#compactedTo, snapshots.oldest?.index ?? 0));
  }

  metrics(): StorageMetrics | undefined {
    return this.#parts?.wal.metrics;
  }

  onFault(listener: (fault: QuorateError) => void): void {
    this.#onFault = listener;
  }

  close(done: Done): void {
    if (this.#parts === null) {
      this.#refuse(done);
      return;
    }
    const { room, manifest, snapshots, wal, scrubber } = this.#parts;
    this.#parts = null;
    scrubber.stop();
    room.close();
    snapshots.close(() => {
      wal.close((error) => {
        manifest.whenIdle(() => {
          this.#files.unlock();
          done(error);
        });
      });
    });
  }

  /** A disk that is too full to be opened gets back what was held in reserve on it. */
  *#openWithReserve(identity: Identity): Slices<OpenedDisk> {
    const { segmentBytes } = this.#limits;
    const options = { segmentBytes, mintStoreId: this.#mintStoreId, onCorruption: this.#onCorruption };
    const open = (): Slices<OpenedDisk> => openDirectory(this.#files, identity, options);
    try {
      return yield* open();
    } catch (error) {
      if (!this.#givesUpReserve(error)) throw error;
      return yield* open();
    }
  }

  #assemble({ manifest: content, seed, segments, newestNumber, start, slots }: OpenedDisk): OpenParts {
    const files = this.#files;
    const clock = this.#clock;
    const limits = this.#limits;
    const room = new DiskReserve({ files, clock, reserveBytes: limits.reserveBytes });
    const manifest = new Manifest(files, room, content);
    const file = files.openSync(segmentPath(segments.at(-1)!.number), "durable");
    const row = new SegmentRow(
      { files, manifest, room, limits, seed },
      { segments, newestNumber, file, capacity: file.sizeSync() },
    );
    const { batchBytesMax, stateCopyMs } = limits;
    const wal = new Wal({ row, manifest, slots, clock, batchBytesMax, stateCopyMs, seed }, start);
    const snapshots = new SnapshotStore({
      files,
      manifest,
      limits,
      clock,
      failed: (error) => wal.fail(error),
    });
    const found = (damage: QuorateError): void => {
      wal.fail(damage);
      this.#onFault(damage);
    };
    files.onLockLost?.(found);
    const bytesPerSecond = limits.scrubBytesPerSecond;
    const scrubber = new Scrubber({ files, clock, manifest, row, seed, bytesPerSecond, found });
    return { room, manifest, snapshots, wal, scrubber };
  }

  #openParts(): OpenParts {
    if (this.#parts === null) throw closed();
    return this.#parts;
  }

  #refuse(done: Done): void {
    this.#clock.soon(() => done(closed()));
  }
}

function recoveredFrom({ isNew, manifest, log, droppedBytes, damage }: OpenedDisk): Recovered {
  const { storeId, bootEpoch } = manifest;
  const { hardState, snapshot, entries } = log;
  const lostTerm = manifest.lostTerm === 0 ? undefined : manifest.lostTerm;
  return { isNew, storeId, bootEpoch, hardState, snapshot, entries, droppedBytes, lostTerm, damage };
}

function closed(): QuorateError {
  return new QuorateError("ERR_CLOSED", "the storage is closed", {});
}

function randomStoreId(): string {
  const bytes = globalThis.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
