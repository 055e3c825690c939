import { builtinModules } from "node:module";
import {
  ALLOWED_WORDS,
  ASYNC_WORDS,
  FLOORS,
  floorOf,
  floorsBelow,
  PACKAGES,
  ringOf,
  TIMER_WORDS,
  TYPE_PACKAGES,
  WORLD_WORDS,
} from "./floors.ts";
import type { Import, Place, Source } from "./source.ts";

/** A line of `src/` that breaks a rule, and the rule as a sentence. */
export interface Breach {
  readonly path: string;
  readonly place: Place;
  readonly sentence: string;
}

export const SENTENCES = {
  floor: "A floor imports only from floors below it, types included.",
  unknown: "Every folder of src/ is a floor named in the table of floors.",
  barrel: "Nobody imports an index.ts from inside the package.",
  node: "Only files called node-*, tcp-* or http-*, and the folders http2, wire, etcd, client and cli, import Node's own modules.",
  machine: "Portable code does not import machine code, not even its types.",
  purity: "Pure code runs only pure code.",
  world: "Pure and portable code sees the world only through Files, Transport, Clock and Random.",
  async: "Pure code is synchronous: it neither awaits nor promises.",
  packages: "Packages are imported at run time only in the files that the table of packages names.",
  timers:
    "Timers come from base/system-time.ts, so that a test that replaces the global ones does not stop them.",
  cycle: "Imports make no cycle, types included.",
  rooms: "Rooms make no cycle: one room of two knows the other.",
} as const;

/** Holds the rules against all files, in the order of the files. */
export function findBreaches(sources: readonly Source[]): Breach[] {
  return [
    ...sources.flatMap((source) => [
      ...breachesOfImports(source),
      ...breachesOfWords(source),
      ...breachesOfTimers(source),
    ]),
    ...breachesByCycles(sources, (path) => path, SENTENCES.cycle),
    ...breachesByCycles(sources, roomsOf(sources), SENTENCES.rooms),
  ];
}

export function printBreach({ path, place, sentence }: Breach): string {
  return `src/${path}:${place.line}: ${place.text}\n    breaks: ${sentence}`;
}

function breachesOfImports(source: Source): Breach[] {
  const { path } = source;
  const unknown = { path, place: { line: 1, text: path }, sentence: SENTENCES.unknown };
  if (!(floorOf(path) in FLOORS)) return [unknown];
  return source.imports.flatMap((found) => {
    const sentence = found.target === null ? sentenceOnOutside(path, found) : sentenceOnInside(path, found);
    return sentence === null ? [] : [{ path, place: found, sentence }];
  });
}

/** What an import of one of our own files breaks, if anything. */
function sentenceOnInside(path: string, found: Import): string | null {
  const target = found.target!;
  if (/(^|\/)index\.ts$/.test(target)) return SENTENCES.barrel;

  const [from, to] = [floorOf(path), floorOf(target)];
  if (from !== to && !floorsBelow(from).has(to)) return SENTENCES.floor;

  const [ring, targetRing] = [ringOf(path), ringOf(target)];
  if (ring === "pure" && targetRing !== "pure" && !found.isTypeOnly) return SENTENCES.purity;
  if ((ring === "pure" || ring === "portable") && targetRing === "machine") return SENTENCES.machine;
  return null;
}

/** What an import from outside of the package breaks, if anything. */
function sentenceOnOutside(path: string, { specifier, isTypeOnly }: Import): string | null {
  const name = packageOf(specifier);
  if (specifier.startsWith("node:") || builtinModules.includes(name)) {
    return ringOf(path) === "machine" ? null : SENTENCES.node;
  }
  if (isTypeOnly && TYPE_PACKAGES.includes(name)) return null;
  return PACKAGES[name]?.(path) === true ? null : SENTENCES.packages;
}

function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
}

/** Lines of a file that use a timer, although it imports none. */
function breachesOfTimers({ path, words, imports }: Source): Breach[] {
  if (ringOf(path) !== "machine" || imports.some(({ target }) => target === "base/system-time.ts")) return [];
  const place = words.find(({ word }) => TIMER_WORDS.has(word));
  return place === undefined ? [] : [{ path, place, sentence: SENTENCES.timers }];
}

function breachesOfWords({ path, words }: Source): Breach[] {
  const ring = ringOf(path);
  if (ring !== "pure" && ring !== "portable") return [];

  const allowed = ALLOWED_WORDS[path]?.words ?? [];
  // Of several words that break one rule in a line, the first will do.
  const breaches = new Map<string, Breach>();
  for (const place of words) {
    const sentence = allowed.includes(place.word) ? null : sentenceOnWord(place.word, ring);
    const key = `${place.line} ${sentence}`;
    if (sentence !== null && !breaches.has(key)) breaches.set(key, { path, place, sentence });
  }
  return [...breaches.values()];
}

function sentenceOnWord(word: string, ring: "pure" | "portable"): string | null {
  if (WORLD_WORDS.has(word)) return SENTENCES.world;
  return ring === "pure" && ASYNC_WORDS.has(word) ? SENTENCES.async : null;
}

/**
 * The room of a file: its folder. A file beside rooms, such as the façade or the contract of a floor, is a room of its
 * own, so that no way from one room to another leads around the rule through it.
 */
function roomsOf(sources: readonly Source[]): (path: string) => string {
  const folderOf = (path: string) => path.split("/").slice(0, -1).join("/");
  const withRooms = new Set(sources.map(({ path }) => folderOf(folderOf(path))));
  return (path) => (withRooms.has(folderOf(path)) ? path : folderOf(path));
}

/** Finds the imports that close a cycle: between files, or between what `nodeOf` says the files belong to. */
function breachesByCycles(
  sources: readonly Source[],
  nodeOf: (path: string) => string,
  sentence: string,
): Breach[] {
  const known = new Set(sources.map(({ path }) => path));
  const arrows = new Map<string, { path: string; place: Import }[]>();
  for (const { path, imports } of sources) {
    const from = nodeOf(path);
    const places = imports.filter(({ target }) => known.has(target ?? "") && nodeOf(target!) !== from);
    arrows.set(from, [...(arrows.get(from) ?? []), ...places.map((place) => ({ path, place }))]);
  }
  const breaches: Breach[] = [];
  const done = new Set<string>();
  const trail: string[] = [];

  /** Walks depth first; an import of a node that is still being walked closes a cycle. */
  const walk = (node: string): void => {
    trail.push(node);
    for (const { path, place } of arrows.get(node) ?? []) {
      const next = nodeOf(place.target!);
      const start = trail.indexOf(next);
      if (start !== -1) {
        const circle = [...trail.slice(start), next].join(" → ");
        breaches.push({ path, place, sentence: `${sentence} (${circle})` });
      } else if (!done.has(next)) {
        walk(next);
      }
    }
    trail.pop();
    done.add(node);
  };
  for (const node of arrows.keys()) if (!done.has(node)) walk(node);
  return breaches;
}
