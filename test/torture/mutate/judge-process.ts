import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { readLines } from "../../../examples/kubernetes/records/line-file.ts";
import { QuorateError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import { open } from "../../../src/open.ts";
import { DiskStorage } from "../../../src/storage/disk/disk-storage.ts";
import { examineDirectory } from "../../../src/storage/disk/examination.ts";
import { NodeFiles } from "../../../src/storage/files/node-files.ts";
import type { Store } from "../../../src/store.ts";
import { copyDirectory } from "./copy.ts";
import { mutate } from "./mutations.ts";
import { type Acknowledged, BOUND_MS, contentOf, type End, type Job, type Judgement } from "./protocol.ts";

/** The program of a process that damages copies of images, starts them, and holds what they serve against the ledger. */
const READY_MS = 20_000;

process.on("disconnect", () => process.exit());
process.on("message", (job) => {
  void judge(job as Job).then((judgement) => process.send!(judgement));
});

interface Found {
  readonly revision: number;
  readonly entries: readonly { readonly key: string; readonly value: string; readonly version: number }[];
}

type Outcome = Pick<Judgement, "verdict" | "reason" | "lostInBound" | "lostMs">;

async function judge({ image, copy, seed }: Job): Promise<Judgement> {
  rmSync(copy, { recursive: true, force: true });
  copyDirectory(join(image, "store"), copy);
  const place = { directory: copy, earlier: join(image, "earlier") };
  const { kind, text } = mutate(place, new Random(seed));
  const verified = verify(copy);
  const started = await start(copy);
  return { kind, mutation: text, ...outcomeOf(started, verified, image, kind) };
}

/** Whether `quorate verify` says that a start would succeed, and that all is intact. */
function verify(directory: string): { readonly canStart: boolean; readonly isIntact: boolean } | string {
  try {
    const { content, isUnfinished, problems } = examineDirectory(new NodeFiles(directory));
    return { canStart: content !== null || isUnfinished, isIntact: problems.length === 0 };
  } catch (error) {
    return describe(error);
  }
}

async function start(directory: string): Promise<Found | QuorateError | string> {
  try {
    const storage = new DiskStorage(new NodeFiles(directory), { reserveBytes: 16 * 1024 });
    const store = await open({ storage, name: "m" });
    try {
      return await read(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    return QuorateError.is(error) && error.code !== "ERR_INTERNAL" ? error : describe(error);
  }
}

async function read(store: Store<string>): Promise<Found> {
  let failure: unknown = null;
  store.on("error", (error) => {
    failure = error;
  });
  await store.ready({ timeoutMs: READY_MS });
  const entries: Found["entries"][number][] = [];
  for await (const { key, value, version } of store.range({ prefix: "k" })) {
    entries.push({ key, value, version });
  }
  if (failure !== null) throw failure;
  return { revision: store.status().revision, entries };
}

function outcomeOf(
  started: Found | QuorateError | string,
  verified: ReturnType<typeof verify>,
  image: string,
  kind: string,
): Outcome {
  const none = { lostInBound: 0, lostMs: 0 };
  if (typeof started === "string") return { verdict: "crashed", reason: started, ...none };
  if (typeof verified === "string") return { verdict: "crashed", reason: `verify: ${verified}`, ...none };
  const isRefused = QuorateError.is(started);
  // The lock is no part of what `verify` looks at.
  const isLocked = isRefused && started.code === "ERR_LOCKED";
  if (!isLocked && verified.canStart === isRefused) {
    const reason = `verify says that it ${verified.canStart ? "opens" : "is refused"}, and it is not so`;
    return { verdict: "wrong", reason: `${reason}${isRefused ? `: ${started.message}` : ""}`, ...none };
  }
  if (isRefused) return { verdict: "refused", reason: `${started.code}: ${started.message}`, ...none };
  return compare(started, image, kind);
}

/** What is served must be what the writes up to some revision made, and no write that was to survive may be above it. */
function compare({ revision, entries }: Found, image: string, kind: string): Outcome {
  const ledger = readLines<Acknowledged>(join(image, "acknowledged.jsonl"));
  const end = JSON.parse(readFileSync(join(image, "end.json"), "utf8")) as End;
  const wrong = (reason: string): Outcome => ({ verdict: "wrong", reason, lostInBound: 0, lostMs: 0 });
  const writes = entries.reduce((sum, { version }) => sum + version, 0);
  if (revision !== writes + 1) return wrong(`revision ${revision} after ${writes} writes`);

  const lost = ledger.filter((write) => write.revision > revision);
  const due = new Map<string, Acknowledged>();
  for (const write of ledger) if (write.revision <= revision) due.set(write.key, write);
  for (const { key, value, version } of entries) {
    if (value !== contentOf(key, version)) return wrong(`${key} has another value than its write ${version}`);
    const { serial = 0 } = due.get(key) ?? {};
    if (version < serial) return wrong(`${key}: write ${serial} was acknowledged, ${version} is there`);
    due.delete(key);
  }
  const gone = [...due.keys()][0];
  if (gone !== undefined) return wrong(`${gone} is gone`);

  const lostMs = lost.length === 0 ? 0 : end.at - Math.min(...lost.map(({ at }) => at));
  const boundMs = BOUND_MS + end.heldUpMs;
  if (lost.length > 0 && (kind === "none" || lostMs > boundMs)) {
    return wrong(
      `${lost.length} acknowledged writes are lost, the oldest ${lostMs.toFixed(1)} ms old; the bound is ${boundMs.toFixed(1)} ms`,
    );
  }
  return { verdict: "right", reason: "", lostInBound: lost.length, lostMs };
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? String(error)) : String(error);
}
