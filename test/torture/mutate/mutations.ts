import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Random } from "../../../src/base/random.ts";

/** An image, and a copy of the same directory from an earlier moment. */
export interface Place {
  readonly directory: string;
  readonly earlier: string;
}

export interface Mutation {
  readonly kind: string;
  /** What was done, in words. */
  readonly text: string;
}

const SECTOR = 512;

/** Each makes one change, and says what it did; null where the directory has nothing of the kind. */
const KINDS: Record<string, (place: Place, random: Random) => string | null> = {
  none: () => "nothing",
  "range zeroed": (place, random) =>
    edited(place, random, (bytes, at) => {
      const length = random.between(1, 20_000);
      bytes.fill(0, at, at + length);
      return `${length} bytes at ${at} zeroed`;
    }),
  "sector zeroed": (place, random) =>
    edited(place, random, (bytes, at) => {
      const length = random.fraction() < 0.5 ? SECTOR : 4096;
      const begin = at - (at % length);
      bytes.fill(0, begin, begin + length);
      return `${length} bytes at ${begin} zeroed`;
    }),
  "bit flipped": (place, random) =>
    edited(place, random, (bytes, at) => {
      bytes[at]! ^= 1 << random.between(0, 7);
      return `a bit at ${at} flipped`;
    }),
  "range of garbage": (place, random) =>
    edited(place, random, (bytes, at) => {
      const length = Math.min(random.between(1, 3000), bytes.length - at);
      for (let offset = at; offset < at + length; offset++) bytes[offset] = random.between(0, 255);
      return `${length} bytes at ${at} replaced`;
    }),
  "sectors swapped": (place, random) =>
    edited(place, random, (bytes, at) => {
      const [from, to] = [at, placeIn(bytes, random)].map((each) => each - (each % SECTOR));
      const kept = bytes.slice(from, from! + SECTOR);
      bytes.copyWithin(from!, to!, to! + SECTOR);
      bytes.set(kept.subarray(0, bytes.length - to!), to);
      return `the sectors at ${from} and ${to} swapped`;
    }),
  "sector misplaced": (place, random) =>
    edited(place, random, (bytes, at) => {
      const [from, to] = [at, placeIn(bytes, random)].map((each) => each - (each % SECTOR));
      bytes.copyWithin(to!, from!, from! + SECTOR);
      return `the sector at ${from} written to ${to} as well`;
    }),
  "old sector": (place, random) => {
    const path = pick(filesIn(place.directory), random);
    if (!existsSync(join(place.earlier, path))) return null;
    const old = readFileSync(join(place.earlier, path));
    return editedFile(place, path, (bytes) => {
      const at = placeIn(bytes, random);
      const length = random.fraction() < 0.5 ? SECTOR : 4096;
      const begin = at - (at % length);
      const part = old.subarray(begin, Math.min(begin + length, bytes.length));
      bytes.set(part, begin);
      return `${length} bytes at ${begin} as they were earlier`;
    });
  },
  "end of the WAL zeroed": (place, random) => {
    const path = usedSegments(place.directory).at(-1)!;
    return editedFile(place, path, (bytes) => {
      const written = writtenLength(bytes);
      const at = Math.max(
        SECTOR,
        random.fraction() < 0.5 ? random.between(0, written) : written - random.between(1, 40_000),
      );
      const begin = random.fraction() < 0.8 ? at - (at % SECTOR) : at;
      bytes.fill(0, begin);
      return `all from byte ${begin} of ${written} on zeroed`;
    });
  },
  "file cut short": (place, random) => {
    const path = pick(filesIn(place.directory), random);
    const { length } = readFileSync(join(place.directory, path));
    const to = random.fraction() < 0.2 ? 0 : random.between(0, Math.max(0, length - 1));
    truncateSync(join(place.directory, path), to);
    return `${path} cut to ${to} of ${length} bytes`;
  },
  "file lengthened": (place, random) => {
    const path = pick(filesIn(place.directory), random);
    const bytes = new Uint8Array(random.between(1, 5000));
    const isGarbage = random.fraction() < 0.7;
    if (isGarbage) for (let at = 0; at < bytes.length; at++) bytes[at] = random.between(0, 255);
    appendFileSync(join(place.directory, path), bytes);
    return `${path} lengthened by ${bytes.length} bytes of ${isGarbage ? "garbage" : "zeros"}`;
  },
  "file deleted": (place, random) => {
    const path = pick(filesIn(place.directory), random);
    rmSync(join(place.directory, path));
    return `${path} deleted`;
  },
  "files swapped": (place, random) => {
    const [one, other] = [pick(filesIn(place.directory), random), pick(filesIn(place.directory), random)];
    if (one === other) return null;
    const paths = [one, other].map((path) => join(place.directory, path));
    renameSync(paths[0]!, `${paths[0]}.swap`);
    renameSync(paths[1]!, paths[0]!);
    renameSync(`${paths[0]}.swap`, paths[1]!);
    return `${one} and ${other} swapped`;
  },
  "file copied over another": (place, random) => {
    const [one, other] = [pick(filesIn(place.directory), random), pick(filesIn(place.directory), random)];
    if (one === other) return null;
    copyFileSync(join(place.directory, one), join(place.directory, other));
    return `${one} copied over ${other}`;
  },
  "file there twice": (place, random) => {
    const path = pick(filesIn(place.directory), random);
    const other = path.replace(/\d+/, (digits) =>
      String(Number(digits) + random.between(1, 3)).padStart(digits.length, "0"),
    );
    const target = other === path ? `${path}.old` : other;
    copyFileSync(join(place.directory, path), join(place.directory, target));
    return `${path} copied to ${target}`;
  },
  "old file": (place, random) => {
    const path = pick(filesIn(place.earlier), random);
    copyFileSync(join(place.earlier, path), join(place.directory, path));
    return `${path} as it was earlier`;
  },
};

/** Kinds that hurt what others cannot, and are tried more often. */
const WEIGHTS: Record<string, number> = { "end of the WAL zeroed": 4, "old file": 2, "range zeroed": 2 };

/** Makes one change by chance, always the same one for the same directory and chance. */
export function mutate(place: Place, random: Random): Mutation {
  const kinds = Object.keys(KINDS).flatMap((kind) => Array.from({ length: WEIGHTS[kind] ?? 1 }, () => kind));
  for (;;) {
    const kind = pick(kinds, random);
    const text = KINDS[kind]!(place, random);
    if (text !== null) return { kind, text };
  }
}

function edited(
  place: Place,
  random: Random,
  edit: (bytes: Uint8Array, at: number) => string,
): string | null {
  const paths = filesIn(place.directory);
  // Most of what can be lost lies in the segments that hold frames.
  const path = pick(random.fraction() < 0.4 ? usedSegments(place.directory) : paths, random);
  return editedFile(place, path, (bytes) => edit(bytes, placeIn(bytes, random)));
}

function editedFile({ directory }: Place, path: string, edit: (bytes: Uint8Array) => string): string | null {
  const bytes = new Uint8Array(readFileSync(join(directory, path)));
  if (bytes.length === 0) return null;
  const text = edit(bytes);
  writeFileSync(join(directory, path), bytes);
  return `${path}: ${text}`;
}

/** Mostly a place among the bytes that were written, now and then one in the zeros after them. */
function placeIn(bytes: Uint8Array, random: Random): number {
  const length = random.fraction() < 0.9 ? Math.max(1, writtenLength(bytes)) : bytes.length;
  return random.between(0, length - 1);
}

function writtenLength(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

function usedSegments(directory: string): string[] {
  const segments = filesIn(directory).filter((path) => path.endsWith(".wal"));
  const used = segments.filter(
    (path) => writtenLength(readFileSync(join(directory, path)).subarray(SECTOR)) > 0,
  );
  return used.length === 0 ? segments : used;
}

/** All files, in an order that is always the same. */
function filesIn(directory: string): string[] {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  return names
    .filter((name) => name.isFile())
    .map((name) => join(name.parentPath, name.name).slice(directory.length + 1))
    .sort();
}

function pick<Value>(values: readonly Value[], random: Random): Value {
  return values[random.between(0, values.length - 1)]!;
}
