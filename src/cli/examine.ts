import { QuorateError } from "../base/errors.ts";
import { isUsed, MANIFEST_PATH } from "../storage/data-dir.ts";
import { type Examination, examineDirectory } from "../storage/examination.ts";
import { NodeFiles } from "../storage/node-files.ts";
import { lockHolder } from "../storage/node-lock.ts";

/** A data directory as it lies there; it is neither locked nor changed. Throws ERR_DISK. */
export function examine(directory: string): Examination & { readonly holder: number | null } {
  return { ...examineDirectory(storeIn(directory)), holder: lockHolder(directory) };
}

/** The files of the store in this directory, damaged or not. Throws ERR_DISK where there is none. */
export function storeIn(directory: string): NodeFiles {
  const files = new NodeFiles(directory);
  if (files.listSync("").includes(MANIFEST_PATH) || isUsed(files)) return files;
  throw new QuorateError("ERR_DISK", `there is no store in ${directory}`, {
    operation: "open",
    path: directory,
    errno: "ENOENT",
  });
}

/** What must be known before the findings are believed. */
export function holderLine(holder: number | null): string {
  return holder === null
    ? ""
    : `in use by process ${holder}: what is being written at this moment can pass for damage\n`;
}

export function problemAsJson({ code, message, details }: QuorateError) {
  return { code, message, ...details };
}

/** What a start would find, in words. */
export function contentLine({ content }: Examination): string {
  if (content === null) return "a start would refuse this directory";
  const { hardState, snapshot, entries } = content.log;
  const { term, vote, commit } = hardState;
  const base = snapshot === null ? "no snapshot" : `snapshot ${idText(snapshot.metadata)}`;
  const [first, last] = [entries[0], entries.at(-1)];
  const log =
    first === undefined || last === undefined ? "no entries" : `entries ${idText(first)} to ${idText(last)}`;
  return `term ${term}, vote ${vote ?? "none"}, commit ${commit}; ${base}; ${log}`;
}

/** `index@term`, as in etcd's and our own traces. */
export function idText({ index, term }: { readonly index: number; readonly term: number }): string {
  return `${index}@${term}`;
}
