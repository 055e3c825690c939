import { join } from "node:path";
import { QuorateError } from "../base/errors.ts";
import { type Examination, examineDirectory } from "../storage/disk/examination.ts";
import { NodeFiles } from "../storage/files/node-files.ts";
import { isUsed, MANIFEST_PATH } from "../storage/layout/data-dir.ts";
import { type LockHolder, lockHolder } from "../storage/lock/node-lock.ts";
import { checkDirectory } from "./data-directory-path.ts";

/** A data directory as it lies there; it is neither locked nor changed. Rejects with ERR_DISK. */
export async function examine(directory: string): Promise<Examined> {
  const files = storeIn(directory);
  const holder = await new Promise<LockHolder | null>((resolve) => lockHolder(directory, resolve));
  return { ...examineDirectory(files), holder };
}

export type Examined = Examination & { readonly holder: LockHolder | null };

/** The files of the store in this directory, damaged or not. Throws ERR_DISK where there is none. */
export function storeIn(directory: string): NodeFiles {
  checkDirectory(directory, "existing");
  const files = new NodeFiles(directory);
  if (files.listSync("").includes(MANIFEST_PATH) || isUsed(files)) return files;
  const isServers = files.listSync("member").includes(MANIFEST_PATH);
  const hint = isServers ? `; there is one in ${join(directory, "member")}` : "";
  throw new QuorateError("ERR_DISK", `there is no store in ${directory}${hint}`, {
    operation: "open",
    path: directory,
    errno: "ENOENT",
  });
}

/** What must be known before the findings are believed. */
export function holderLine(holder: LockHolder | null): string {
  return holder === null
    ? ""
    : `in use by process ${holder.pid} on host ${holder.host}: what is being written at this moment can pass for damage\n`;
}

export function problemAsJson({ code, message, details }: QuorateError) {
  return { code, message, ...details };
}

/** What a start would find, in words. */
export function contentLine({ content, isUnfinished }: Examination): string {
  if (isUnfinished)
    return "the first start was cut short before anything was saved; the next one makes the store anew";
  if (content === null) return "a start would refuse this directory";
  const { hardState, snapshot, entries } = content.log;
  const { term, vote, commit } = hardState;
  const base = snapshot === undefined ? "no snapshot" : `snapshot ${idText(snapshot.metadata)}`;
  const [first, last] = [entries[0], entries.at(-1)];
  const log =
    first === undefined || last === undefined ? "no entries" : `entries ${idText(first)} to ${idText(last)}`;
  return `term ${term}, vote ${vote ?? "none"}, commit ${commit}; ${base}; ${log}`;
}

/** `index@term`, as in etcd's and our own traces. */
export function idText({ index, term }: { readonly index: number; readonly term: number }): string {
  return `${index}@${term}`;
}
