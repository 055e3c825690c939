import type { Done } from "../../base/callback.ts";
import type { Clock } from "../../base/clock.ts";
import type { QuorateError } from "../../base/errors.ts";
import type { Files } from "../files/files.ts";
import { inTurn } from "../files/in-turn.ts";
import { SNAPSHOT_DIRECTORY, UNFINISHED } from "../layout/data-dir.ts";
import type { DiskLimits } from "../layout/limits.ts";
import type { Manifest, SnapshotListing } from "../layout/manifest.ts";
import type { Snapshot, SnapshotReader, SnapshotWriter } from "../storage.ts";
import { snapshotPath } from "./snapshot-file.ts";
import { DiskSnapshotReader } from "./snapshot-reader.ts";
import { DiskSnapshotWriter } from "./snapshot-writer.ts";

/** The snapshots on the disk: the newest, and those kept in case that it is damaged. */
export class SnapshotStore {
  readonly #parts: SnapshotStoreParts;
  readonly #writers = new Set<DiskSnapshotWriter>();
  /** Finished files that wait to be listed; the first is being listed. */
  readonly #commits: Commit[] = [];
  #unfinishedCount = 0;
  #failure: QuorateError | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(parts: SnapshotStoreParts) {
    this.#parts = parts;
  }

  get newest(): SnapshotListing | null {
    return this.#parts.manifest.content.snapshots.at(-1) ?? null;
  }

  get oldest(): SnapshotListing | null {
    return this.#parts.manifest.content.snapshots[0] ?? null;
  }

  create(snapshot: Snapshot): SnapshotWriter {
    this.#unfinishedCount += 1;
    const unfinished = `${SNAPSHOT_DIRECTORY}/${this.#unfinishedCount}${UNFINISHED}`;
    const { files, clock, limits } = this.#parts;
    const writer = new DiskSnapshotWriter(snapshot, unfinished, {
      files,
      clock,
      chunkBytesMax: limits.chunkBytesMax,
      keep: (listing, done) => this.#keep({ unfinished, listing, done }),
      ended: () => {
        this.#writers.delete(writer);
        this.#checkIdle();
      },
    });
    this.#writers.add(writer);
    return writer;
  }

  open(): SnapshotReader | undefined {
    const newest = this.newest;
    return newest === null ? undefined : new DiskSnapshotReader(this.#parts.files, newest);
  }

  /** Drops what is being written, but for what is being committed; calls back when nothing is under way. */
  close(done: () => void): void {
    this.#whenIdle = done;
    for (const writer of this.#writers) writer.abort();
    this.#checkIdle();
  }

  #keep(commit: Commit): void {
    this.#commits.push(commit);
    if (this.#commits.length === 1) this.#keepNext();
  }

  #keepNext(): void {
    const commit = this.#commits[0];
    if (commit === undefined) return;
    this.#list(commit, (error) => {
      this.#commits.shift();
      commit.done(error);
      this.#keepNext();
    });
  }

  /** Makes a finished file the newest snapshot, and gives up the oldest. */
  #list({ unfinished, listing }: Commit, done: Done): void {
    const { files, manifest, limits, failed } = this.#parts;
    // The newest in memory may be one that the disk never heard of.
    if (this.#failure !== null) {
      done(this.#failure);
      return;
    }
    if (this.newest !== null && listing.index <= this.newest.index) {
      files.remove(unfinished, () => done(null));
      return;
    }
    const snapshots = [...manifest.content.snapshots, listing];
    const dropped = snapshots.splice(0, Math.max(0, snapshots.length - limits.snapshotsKept));
    inTurn(
      [
        (next) => files.rename(unfinished, snapshotPath(listing), next),
        (next) => files.syncDirectory(SNAPSHOT_DIRECTORY, next),
        (next) => manifest.update({ snapshots }, next),
      ],
      (error) => {
        this.#failure = error;
        if (error !== null) failed(error);
        else for (const old of dropped) files.remove(snapshotPath(old), () => {});
        done(error);
      },
    );
  }

  #checkIdle(): void {
    if (this.#writers.size > 0 || this.#whenIdle === null) return;
    const done = this.#whenIdle;
    this.#whenIdle = null;
    done();
  }
}

export interface SnapshotStoreParts {
  readonly files: Files;
  readonly manifest: Manifest;
  readonly limits: DiskLimits;
  readonly clock: Clock;
  /** Told when nobody knows any more what the directory holds. */
  readonly failed: (error: QuorateError) => void;
}

interface Commit {
  readonly unfinished: string;
  readonly listing: SnapshotListing;
  readonly done: Done;
}
