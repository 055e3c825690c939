import type { Callback, Done } from "../../../src/base/callback.ts";
import type { File, Files, OpenMode } from "../../../src/storage/files/files.ts";
import { NodeFiles } from "../../../src/storage/files/node-files.ts";
import { copyDirectory } from "./copy.ts";
import { now } from "./protocol.ts";

export interface Trap {
  /** The call to the disk at which the process ends. */
  readonly endAt: number;
  /** Whether the last call still reaches the disk. */
  readonly isLastMade: boolean;
  /** The call at which the directory is copied, as what a disk may show again later. */
  readonly copyAt: number;
  readonly copyTo: string;
  /** Ends the process. */
  end(): never;
}

/** A real directory that counts the calls which change it, and ends the process at one of them. */
export class TrappedFiles extends NodeFiles implements Files {
  readonly #directory: string;
  readonly #trap: Trap;
  #calls = 0;
  /** Milliseconds that each of the last writes of a second copy took, and when the one under way began. */
  readonly #copies: number[] = [];
  #copySince: number | null = null;

  constructor(directory: string, trap: Trap) {
    super(directory);
    this.#directory = directory;
    this.#trap = trap;
  }

  /** How long the disk took at most for a second copy of late. */
  get slowestCopyMs(): number {
    const underWay = this.#copySince === null ? 0 : now() - this.#copySince;
    return Math.max(underWay, ...this.#copies);
  }

  override openSync(path: string, mode: OpenMode): File {
    return new TrappedFile(super.openSync(path, mode), this);
  }

  override open(path: string, mode: OpenMode, done: Callback<File>): void {
    super.open(path, mode, (error, file) => {
      if (error !== null || file === undefined) done(error);
      else done(null, new TrappedFile(file, this));
    });
  }

  override write(path: string, bytes: Uint8Array, done: Done): void {
    this.counted(() => super.write(path, bytes, done));
  }

  override rename(from: string, to: string, done: Done): void {
    this.counted(() => super.rename(from, to, done));
  }

  override remove(path: string, done: Done): void {
    this.counted(() => super.remove(path, done));
  }

  counted(call: () => void): void {
    this.#calls += 1;
    if (this.#calls === this.#trap.copyAt) copyDirectory(this.#directory, this.#trap.copyTo);
    const isLast = this.#calls >= this.#trap.endAt;
    if (!isLast || this.#trap.isLastMade) call();
    if (isLast) this.#trap.end();
  }

  timed(path: string, done: Done): Done {
    if (!path.startsWith("state.")) return done;
    const since = now();
    this.#copySince = since;
    return (error) => {
      this.#copySince = null;
      this.#copies.push(now() - since);
      if (this.#copies.length > 20) this.#copies.shift();
      done(error);
    };
  }
}

class TrappedFile implements File {
  readonly #file: File;
  readonly #files: TrappedFiles;

  constructor(file: File, files: TrappedFiles) {
    this.#file = file;
    this.#files = files;
  }

  get path(): string {
    return this.#file.path;
  }

  sizeSync(): number {
    return this.#file.sizeSync();
  }

  readSync(offset: number, length: number): Uint8Array {
    return this.#file.readSync(offset, length);
  }

  read(offset: number, length: number, done: Callback<Uint8Array>): void {
    this.#file.read(offset, length, done);
  }

  write(bytes: Uint8Array, offset: number, done: Done): void {
    this.#files.counted(() => this.#file.write(bytes, offset, this.#files.timed(this.path, done)));
  }

  sync(done: Done): void {
    this.#files.counted(() => this.#file.sync(done));
  }

  close(): void {
    this.#file.close();
  }
}
