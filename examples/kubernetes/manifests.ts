import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { type Document, LineCounter, parseAllDocuments, type Tags } from "yaml";
import type { KubeObject } from "./objects.ts";
import { keyOf } from "./resources.ts";
import { reasonAgainst } from "./validation.ts";

/** What a folder of manifests holds: the objects that can be used, and what is wrong with the others. */
export interface Manifests {
  readonly files: number;
  readonly objects: readonly KubeObject[];
  readonly problems: readonly Problem[];
}

/** A manifest that cannot be used. Documents of a file are counted from 1; 0 stands for the file as a whole. */
export interface Problem {
  readonly file: string;
  readonly document: number;
  readonly reason: string;
}

/**
 * Reads every `.yaml`, `.yml` and `.json` file below `directory`, in order of their paths. What is broken is listed
 * under `problems`; it never keeps the rest from being read.
 */
export function loadManifests(directory: string): Manifests {
  const objects = new Map<string, KubeObject>();
  const problems: Problem[] = [];
  const files = manifestFiles(directory);

  for (const path of files) {
    const file = relative(directory, path);
    for (const { document, value, reason } of readDocuments(path)) {
      const fault = reason ?? reasonAgainst(value) ?? reasonIfTwice(value as KubeObject, objects);
      if (fault === null) objects.set(keyOf(value as KubeObject), value as KubeObject);
      else problems.push({ file, document, reason: fault });
    }
  }
  return { files: files.length, objects: [...objects.values()], problems };
}

function manifestFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .map((name) => join(directory, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
    .sort();
}

/** One object of a file, or the reason why there is none. */
interface Found {
  readonly document: number;
  readonly value: unknown;
  readonly reason: string | null;
}

function readDocuments(path: string): Found[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return [{ document: 0, value: null, reason: `cannot be read: ${(error as Error).message}` }];
  }

  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    schema: "yaml-1.1",
    customTags: withoutTimes,
    lineCounter: lines,
  });
  return Array.isArray(documents) ? documents.flatMap((each, at) => objectsOf(each, at + 1)) : [];
}

/** The object in a document, or those in a `List`. A document without content, such as after a last `---`, has none. */
function objectsOf(parsed: Document.Parsed, document: number): Found[] {
  const error = parsed.errors[0];
  if (error !== undefined) return [{ document, value: null, reason: firstLine(error.message) }];

  let value: unknown;
  try {
    // What is stored is JSON, so whatever YAML knows beyond it ends here.
    value = JSON.parse(JSON.stringify(parsed.toJS() ?? null));
  } catch (error) {
    return [{ document, value: null, reason: firstLine((error as Error).message) }];
  }
  if (value === null) return [];

  const list = value as { kind?: unknown; items?: unknown };
  if (list.kind !== "List" || !Array.isArray(list.items)) return [{ document, value, reason: null }];
  return list.items.map((item: unknown) => ({ document, value: item, reason: null }));
}

function reasonIfTwice(object: KubeObject, seen: ReadonlyMap<string, KubeObject>): string | null {
  return seen.has(keyOf(object)) ? `${keyOf(object)} was read before` : null;
}

/**
 * Kubernetes reads YAML 1.1, where `defaultMode: 0644` is octal. Times it leaves as they stand, be it
 * `2024-05-01` or the `22:22` of a port mapping, and so do we.
 */
function withoutTimes(tags: Tags): Tags {
  return tags.filter(
    (tag) => typeof tag === "string" || (tag.format !== "TIME" && !tag.tag.endsWith(":timestamp")),
  );
}

const firstLine = (text: string): string => text.split("\n", 1)[0]!.replace(/:$/, "");
