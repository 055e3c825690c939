import { QuorateError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import { MemoryDisk } from "../../../src/storage/files/memory-disk.ts";
import { complaintAbout } from "../script.ts";
import { recover } from "./member-run.ts";
import { type Image, makeRemains, type Remains } from "./remains.ts";
import type { Tally } from "./tally.ts";

const SECTOR_BYTES = 512;
const PAGE_BYTES = 4096;

/**
 * One place that is not as it was written, and where it is. Each of the functions below gives all such cases of one
 * kind, one in `every` of them where there are many.
 */
export interface Damage {
  readonly where: string;
  readonly image: Image;
}

/**
 * Starts on each damaged directory. Allowed are: a refusal that names the damage, the same state, or, where the run was
 * cut off before its last batch was proved durable, the state without that batch.
 */
export function lookAtAll(remains: Remains, damages: Iterable<Damage>, tally: Tally): void {
  for (const damage of damages) look(remains, damage, tally);
}

function look({ run, end, due, dueWithoutLast }: Remains, { where, image }: Damage, tally: Tally): void {
  tally.begin();
  const text = `seed ${run.seed}, ${end}, ${where}`;
  const found = tally.attempt(text, () => recover(new MemoryDisk(image), run.limits));
  if ("error" in found) {
    if (QuorateError.is(found.error, "ERR_CORRUPT") || QuorateError.is(found.error, "ERR_INCOMPATIBLE"))
      tally.refused += 1;
    else if (QuorateError.is(found.error)) tally.fault("untyped error", `${text}: ${found.error.code}`);
    return;
  }
  const complaint = complaintAbout(found.value, due);
  if (complaint === null) tally.intact += 1;
  else if (end === "cut off" && complaintAbout(found.value, dueWithoutLast) === null) tally.dropped += 1;
  else tally.fault("silent loss", `${text}: ${complaint}`);
}

function changed({ image }: Remains, path: string, change: (bytes: Uint8Array) => void): Image {
  const bytes = image.get(path)!.slice();
  change(bytes);
  return new Map(image).set(path, bytes);
}

export function* flippedBits(remains: Remains, every: number): Iterable<Damage> {
  for (const [path, bytes] of remains.image) {
    for (let bit = every % 7; bit < bytes.length * 8; bit += every) {
      const image = changed(remains, path, (copy) => {
        copy[bit >> 3]! ^= 1 << (bit & 7);
      });
      yield { where: `bit ${bit} of ${path}`, image };
    }
  }
}

const REPLACEMENTS: readonly (readonly [name: string, byte: (old: number) => number])[] = [
  ["^01", (old) => old ^ 0x01],
  ["^80", (old) => old ^ 0x80],
  ["=00", () => 0x00],
  ["=ff", () => 0xff],
];

export function* replacedBytes(remains: Remains, every: number): Iterable<Damage> {
  for (const [path, bytes] of remains.image) {
    for (let at = every % 5; at < bytes.length; at += every) {
      for (const [name, byte] of REPLACEMENTS) {
        const value = byte(bytes[at]!);
        if (value === bytes[at]) continue;
        const image = changed(remains, path, (copy) => {
          copy[at] = value;
        });
        yield { where: `byte ${at} of ${path} ${name}`, image };
      }
    }
  }
}

export function* shortenedFiles(remains: Remains, every: number): Iterable<Damage> {
  for (const [path, bytes] of remains.image) {
    for (let length = 0; length < bytes.length; length += every) {
      yield {
        where: `${path} cut to ${length} bytes`,
        image: new Map(remains.image).set(path, bytes.slice(0, length)),
      };
    }
  }
}

export function* missingFiles({ image }: Remains): Iterable<Damage> {
  for (const path of image.keys()) {
    const rest = new Map(image);
    rest.delete(path);
    yield { where: `${path} removed`, image: rest };
  }
}

export function* swappedFiles({ image }: Remains): Iterable<Damage> {
  for (const [one, bytes] of image) {
    for (const [other, others] of image) {
      if (one >= other) continue;
      yield {
        where: `${one} and ${other} swapped`,
        image: new Map(image).set(one, others).set(other, bytes),
      };
    }
  }
}

/** What a disk does that forgets, or that gives what it never was given. */
export function* lostSectors(remains: Remains): Iterable<Damage> {
  const random = new Random(remains.run.seed);
  for (const [path, bytes] of remains.image) {
    for (const unit of [SECTOR_BYTES, PAGE_BYTES]) {
      for (let at = 0; at < bytes.length; at += unit) {
        const end = Math.min(bytes.length, at + unit);
        const zeroed = changed(remains, path, (copy) => copy.fill(0, at, end));
        yield { where: `${unit} bytes zeroed at ${at} of ${path}`, image: zeroed };
        const noisy = changed(remains, path, (copy) => {
          for (let place = at; place < end; place++) copy[place] = random.next() & 0xff;
        });
        yield { where: `${unit} bytes of noise at ${at} of ${path}`, image: noisy };
      }
    }
  }
}

/** Each sector of the WAL in the place of each other one. */
export function* misplacedSectors(remains: Remains): Iterable<Damage> {
  const paths = [...remains.image.keys()].filter((path) => path.startsWith("wal/"));
  for (const from of paths) {
    const source = remains.image.get(from)!;
    for (const to of paths) {
      for (let at = 0; at < source.length; at += SECTOR_BYTES) {
        for (let place = 0; place < source.length; place += SECTOR_BYTES) {
          if (from === to && at === place) continue;
          const image = changed(remains, to, (copy) =>
            copy.set(source.subarray(at, at + SECTOR_BYTES), place),
          );
          yield { where: `sector ${at} of ${from} at ${place} of ${to}`, image };
        }
      }
    }
  }
}

export function* swappedNeighbours(remains: Remains): Iterable<Damage> {
  for (const [path, bytes] of remains.image) {
    for (let at = 0; at + 2 * SECTOR_BYTES <= bytes.length; at += SECTOR_BYTES) {
      const image = changed(remains, path, (copy) => {
        copy.set(bytes.subarray(at + SECTOR_BYTES, at + 2 * SECTOR_BYTES), at);
        copy.set(bytes.subarray(at, at + SECTOR_BYTES), at + SECTOR_BYTES);
      });
      yield { where: `sectors ${at} and ${at + SECTOR_BYTES} of ${path} swapped`, image };
    }
  }
}

/** Sectors, pages and files of another store that did just the same, at the same place. */
export function* foreignParts(remains: Remains): Iterable<Damage> {
  const other = makeRemains(remains.run, remains.end, "a7".repeat(16));
  yield* replacedParts(remains, other.image, PARTS, "of another store");
}

/**
 * Sectors, pages and files that show what they held earlier: what a lost write leaves behind. In a store that was cut
 * off, pages and files are left out: when all writes of the last moments are lost together, nothing remembers them.
 */
export function* staleParts(remains: Remains): Iterable<Damage> {
  const units = remains.end === "closed" ? PARTS : [SECTOR_BYTES];
  for (const [age, image] of remains.earlier.entries()) {
    yield* replacedParts(remains, image, units, `of look ${age}`);
  }
}

/** A sector, a page, and all of a file. */
const PARTS: readonly number[] = [SECTOR_BYTES, PAGE_BYTES, Number.MAX_SAFE_INTEGER];

function* replacedParts(
  remains: Remains,
  source: Image,
  units: readonly number[],
  whose: string,
): Iterable<Damage> {
  for (const [path, bytes] of remains.image) {
    const others = source.get(path);
    if (others === undefined) continue;
    for (const unit of units) {
      for (let at = 0; at < bytes.length; at += unit) {
        const part = others.subarray(at, Math.min(others.length, at + unit));
        if (isSame(part, bytes.subarray(at, at + part.length))) continue;
        const image = changed(remains, path, (copy) => copy.set(part.subarray(0, copy.length - at), at));
        yield { where: `${part.length} bytes ${whose} at ${at} of ${path}`, image };
      }
    }
  }
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at]);
}
