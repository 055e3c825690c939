import type { Clock, Timer } from "../../base/clock.ts";
import type { QuorateError } from "../../base/errors.ts";
import type { Files } from "../files/files.ts";
import type { Manifest } from "../layout/manifest.ts";
import type { SegmentRow } from "../wal/segment-row.ts";
import { type Scrub, SegmentScrub, SnapshotScrub } from "./scrub.ts";

/** A member that has just started has other things to read. */
const FIRST_PASS_MS = 60_000;
/** Between the end of one pass and the beginning of the next. */
const PAUSE_MS = 3_600_000;

export interface ScrubberParts {
  readonly files: Files;
  readonly clock: Clock;
  readonly manifest: Manifest;
  readonly row: SegmentRow;
  readonly seed: number;
  /** How fast it reads; with 0 it does not. */
  readonly bytesPerSecond: number;
  /** Told once of what is not as it was written; then no more is read. */
  readonly found: (damage: QuorateError) => void;
}

/**
 * Reads again what lies on the disk for long: segments that are full, and snapshots. Bits rot unseen, and are best found
 * while the other members still hold what is lost. A small piece is read at a time, with pauses that keep to the rate,
 * so that saves hardly notice.
 */
export class Scrubber {
  readonly #parts: ScrubberParts;
  #timer: Timer | null = null;
  /** The file that is open. */
  #current: Scrub | null = null;
  #isReading = false;
  #isStopped = false;

  constructor(parts: ScrubberParts) {
    this.#parts = parts;
    if (parts.bytesPerSecond > 0) this.#after(FIRST_PASS_MS, () => this.#pass());
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    if (!this.#isReading) this.#current?.close();
  }

  /** What belongs to the store as the pass begins; what is given up meanwhile is left out when its turn comes. */
  #pass(): void {
    const { files, row, manifest, seed } = this.#parts;
    const { segments } = row;
    const sealed = segments.slice(0, -1).map((segment, at) => {
      return new SegmentScrub(files, segment, segments[at + 1]!.firstSequence, seed);
    });
    const snapshots = manifest.content.snapshots.map((listing) => new SnapshotScrub(files, listing));
    this.#scrub([...sealed, ...snapshots]);
  }

  #scrub([scrub, ...others]: readonly Scrub[]): void {
    if (scrub === undefined) {
      this.#after(PAUSE_MS, () => this.#pass());
    } else if (scrub.isListed(this.#parts.manifest.content)) {
      this.#current = scrub;
      this.#step(scrub, () => this.#scrub(others));
    } else {
      this.#scrub(others);
    }
  }

  #step(scrub: Scrub, then: () => void): void {
    const { manifest, bytesPerSecond, found } = this.#parts;
    this.#isReading = true;
    scrub.next((error, bytes = 0) => {
      this.#isReading = false;
      // What was given up meanwhile may well be gone.
      const isListed = scrub.isListed(manifest.content);
      if (!this.#isStopped && isListed && error === null && bytes > 0) {
        this.#after((bytes * 1000) / bytesPerSecond, () => this.#step(scrub, then));
        return;
      }
      scrub.close();
      this.#current = null;
      if (this.#isStopped) return;
      if (error !== null && isListed) found(error);
      else then();
    });
  }

  #after(ms: number, run: () => void): void {
    this.#timer = this.#parts.clock.after(ms, run);
  }
}
