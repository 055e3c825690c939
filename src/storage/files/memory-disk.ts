import type { Random } from "../../base/random.ts";

/**
 * What a power cut does to writes that were not synced. Names and bytes are lost apart from each other.
 *
 * - `lose-all`: none of them reached the disk.
 * - `ordered`: they reached it in order, up to some point.
 * - `pages`: any pages of them reached it, in any order; a file may have grown without its bytes.
 * - `sectors`: the same within pages: writes are torn.
 * - `garbage`: as `sectors`, but a sector that was not synced may also hold anything.
 */
export type PowerCut = "lose-all" | "ordered" | "pages" | "sectors" | "garbage";

export const POWER_CUTS: readonly PowerCut[] = ["lose-all", "ordered", "pages", "sectors", "garbage"];

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;

/** Bytes that grow. Those it begins with are others' as well, and are copied before the first change. */
class Content {
  #bytes: Uint8Array;
  #size: number;
  #isShared = true;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  read(offset = 0, length = this.#size): Uint8Array {
    return this.#bytes.slice(Math.min(offset, this.#size), Math.min(offset + length, this.#size));
  }

  write(bytes: Uint8Array, offset: number): void {
    this.growTo(offset + bytes.length);
    if (this.#isShared) this.#bytes = this.#bytes.slice();
    this.#isShared = false;
    this.#bytes.set(bytes, offset);
  }

  growTo(size: number): void {
    if (size <= this.#size) return;
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#isShared = false;
    }
    this.#size = size;
  }

  empty(): void {
    this.#bytes = new Uint8Array(0);
    this.#size = 0;
    this.#isShared = true;
  }
}

/** A change of a file that is not durable yet. Without bytes it empties the file. */
interface PendingWrite {
  readonly offset: number;
  readonly bytes: Uint8Array | null;
}

/** A file as the disk knows it: what programs see, what would survive now, and the writes between the two. */
export class Inode {
  readonly #seen: Content;
  readonly #durable: Content;
  #pending: PendingWrite[] = [];

  constructor(bytes: Uint8Array) {
    this.#seen = new Content(bytes);
    this.#durable = new Content(bytes);
  }

  get size(): number {
    return this.#seen.size;
  }

  read(offset?: number, length?: number): Uint8Array {
    return this.#seen.read(offset, length);
  }

  write(bytes: Uint8Array, offset: number): void {
    const write = { offset, bytes: bytes.slice() };
    this.#seen.write(bytes, offset);
    this.#pending.push(write);
  }

  empty(): void {
    this.#seen.empty();
    this.#pending.push({ offset: 0, bytes: null });
  }

  /** Marks the writes made so far, for a sync that ends later. */
  mark(): readonly PendingWrite[] {
    return [...this.#pending];
  }

  /** Ends a sync of the marked writes. */
  settle(marked: readonly PendingWrite[]): void {
    for (const write of marked) if (this.#pending.includes(write)) applyTo(this.#durable, write);
    this.forget(marked);
  }

  /** What real systems do when a sync fails: the writes are dropped, and look as if they had been made durable. */
  forget(marked: readonly PendingWrite[]): void {
    this.#pending = this.#pending.filter((write) => !marked.includes(write));
  }

  afterPowerCut(cut: PowerCut, random: Random): Inode {
    const left = new Content(this.#durable.read());
    const reached = cut === "ordered" ? random.between(0, this.#pending.length) : this.#pending.length;
    if (cut !== "lose-all")
      for (const write of this.#pending.slice(0, reached)) land(left, write, cut, random);
    return new Inode(left.read());
  }
}

function applyTo(content: Content, { offset, bytes }: PendingWrite): void {
  if (bytes === null) content.empty();
  else content.write(bytes, offset);
}

/** Lets a write reach the disk as far as chance has it. */
function land(content: Content, write: PendingWrite, cut: PowerCut, random: Random): void {
  const { offset, bytes } = write;
  if (cut === "ordered" || bytes === null) {
    applyTo(content, write);
    return;
  }
  const unit = cut === "pages" ? PAGE_BYTES : SECTOR_BYTES;
  for (let from = offset; from < offset + bytes.length; ) {
    const to = Math.min(offset + bytes.length, (Math.floor(from / unit) + 1) * unit);
    const chance = random.fraction();
    if (chance < 0.5) content.write(bytes.subarray(from - offset, to - offset), from);
    else if (cut === "garbage" && chance < 0.75) content.write(noise(to - from, random), from);
    from = to;
  }
  if (random.fraction() < 0.5) content.growTo(offset + bytes.length);
}

function noise(length: number, random: Random): Uint8Array {
  return Uint8Array.from({ length }, () => random.next() & 0xff);
}

/** A change of names in a directory that is not durable yet. */
interface PendingName {
  readonly directory: string;
  readonly change: (names: Map<string, Inode>) => void;
}

/** A disk in memory that knows what would survive a power cut at this moment. */
export class MemoryDisk {
  readonly names: Map<string, Inode>;
  /** Whoever has the lock of the data directory. */
  owner: object | null = null;
  readonly #durableNames: Map<string, Inode>;
  #pendingNames: PendingName[] = [];

  /** A disk that holds these files, durably. Their bytes must not change any more. */
  constructor(image: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.names = new Map([...image].map(([path, bytes]) => [path, new Inode(bytes)]));
    this.#durableNames = new Map(this.names);
  }

  /** What programs see. */
  image(): Map<string, Uint8Array> {
    return new Map([...this.names].map(([path, inode]) => [path, inode.read()]));
  }

  changeNames(path: string, change: (names: Map<string, Inode>) => void): void {
    change(this.names);
    this.#pendingNames.push({ directory: directoryOf(path), change });
  }

  markNames(directory: string): readonly PendingName[] {
    return this.#pendingNames.filter((pending) => pending.directory === directory);
  }

  settleNames(marked: readonly PendingName[]): void {
    for (const pending of marked)
      if (this.#pendingNames.includes(pending)) pending.change(this.#durableNames);
    this.#pendingNames = this.#pendingNames.filter((pending) => !marked.includes(pending));
  }

  /** The disk as the next start finds it, were the power cut now. This one goes on unharmed. */
  afterPowerCut(cut: PowerCut, random: Random): MemoryDisk {
    const names = new Map(this.#durableNames);
    const directories = new Set(this.#pendingNames.map(({ directory }) => directory));
    for (const directory of cut === "lose-all" ? [] : directories) {
      const pending = this.markNames(directory);
      for (const { change } of pending.slice(0, random.between(0, pending.length))) change(names);
    }
    return new MemoryDisk(
      new Map([...names].map(([path, inode]) => [path, inode.afterPowerCut(cut, random).read()])),
    );
  }
}

export function directoryOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
