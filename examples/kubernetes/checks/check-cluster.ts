import { dirname, join } from "node:path";
import type { Cluster } from "../cluster.ts";
import type { Lost } from "../protocol.ts";
import type { Acknowledged } from "../records/ledger.ts";
import { readLines } from "../records/line-file.ts";
import type { Observed } from "../records/observed.ts";
import type { Tally } from "../report.ts";
import { faultInHistory, faultInWatch } from "./history.ts";

const CHECK_LIMIT_MS = 45_000;
const LOST_SHOWN = 20;

/** The cluster does not hold what it promised. The message says what was lost, or where members differ. */
export class CheckFailed extends Error {
  override readonly name = "CheckFailed";
}

/** What a cluster that is at rest could account for. */
export interface Account {
  readonly objects: readonly Tally[];
  readonly writes: { readonly acknowledged: number; readonly lost: number };
  readonly reads: number;
  readonly watch: { readonly watchers: number; readonly changes: number; readonly expired: number };
  readonly revision: number;
  readonly hash: string;
}

/** Holds a cluster at rest to all that it promised; a CheckFailed if it kept less. */
export async function checkCluster(cluster: Cluster): Promise<Account> {
  const acknowledged = cluster.configs.flatMap(({ files }) => readLines<Acknowledged>(files.ledger));
  const reads = await checkWrites(cluster);
  const { hash, revision } = await checkHashes(cluster);
  const watch = await checkWatches(cluster, revision);
  return {
    objects: await tally(cluster, acknowledged),
    writes: { acknowledged: acknowledged.length, lost: 0 },
    reads,
    watch,
    revision,
    hash,
  };
}

/** Every acknowledged write can be read at its revision, through every member. */
async function checkWrites(cluster: Cluster): Promise<number> {
  const ledgers = cluster.configs.map(({ files }) => files.ledger);
  const answers = await cluster.askAll("readBack", { ledgers }, CHECK_LIMIT_MS);

  const lost = answers.flatMap(({ lost }, at) => lost.map((each) => describeLost(cluster.names[at]!, each)));
  if (lost.length > 0) throw failure(`${lost.length} reads did not find a write that was acknowledged`, lost);
  return answers.reduce((sum, { reads }) => sum + reads, 0);
}

/** Every member holds the same at one revision. */
async function checkHashes(cluster: Cluster): Promise<{ readonly hash: string; readonly revision: number }> {
  const [first, ...others] = cluster.names;
  const expected = await cluster.ask(first!, "hash", { revision: null });
  for (const name of others) {
    const { hash } = await cluster.ask(name, "hash", { revision: expected.revision });
    if (hash === expected.hash) continue;
    throw failure(`members differ at revision ${expected.revision}`, [
      `${first}: ${expected.hash}`,
      `${name}: ${hash}`,
    ]);
  }
  return expected;
}

/** Every watcher saw every revision, in order and once, however often its member was killed. */
async function checkWatches(cluster: Cluster, revision: number): Promise<Account["watch"]> {
  await cluster.askAll("catchUp", { revision });
  const [{ name, files }] = cluster.configs as [Cluster["configs"][number]];
  const file = join(dirname(files.watched), "replayed.jsonl");
  await cluster.ask(name, "replay", { revision, file }, CHECK_LIMIT_MS);

  const history = readLines<Observed>(file);
  const faults = [faultInHistory(history, revision)].filter((fault) => fault !== null);
  for (const { name, files } of cluster.configs) {
    const fault = faultInWatch(readLines<Observed>(files.watched), history);
    if (fault !== null) faults.push(`the watcher of ${name}: ${fault}`);
  }
  if (faults.length > 0) throw failure("not every watcher saw everything once and in order", faults);

  const changes = history.flatMap(([, changes]) => changes);
  const expired = changes.filter((change) => change.startsWith("delete /registry/events/")).length;
  return { watchers: cluster.names.length, changes: changes.length, expired };
}

async function tally(cluster: Cluster, acknowledged: readonly Acknowledged[]): Promise<Tally[]> {
  const { objects } = await cluster.ask("n1", "count", {});
  const verbs = new Map<string, number>();
  for (const { kind, verb } of acknowledged)
    verbs.set(`${verb} ${kind}`, (verbs.get(`${verb} ${kind}`) ?? 0) + 1);

  const kinds = new Set([...acknowledged.map(({ kind }) => kind), ...Object.keys(objects)]);
  return [...kinds].sort().map((kind) => ({
    kind,
    created: verbs.get(`create ${kind}`) ?? 0,
    updated: verbs.get(`update ${kind}`) ?? 0,
    deleted: verbs.get(`delete ${kind}`) ?? 0,
    stored: objects[kind] ?? 0,
  }));
}

function describeLost(member: string, { write, found }: Lost): string {
  return `${write.verb} of ${write.key} at revision ${write.revision}: through ${member} we found ${found}`;
}

function failure(what: string, lines: readonly string[]): CheckFailed {
  const more = lines.length > LOST_SHOWN ? [`… and ${lines.length - LOST_SHOWN} more`] : [];
  return new CheckFailed([what, ...lines.slice(0, LOST_SHOWN), ...more].join("\n  "));
}
