import type { Failover } from "./failover.ts";
import type { Problem } from "./manifests.ts";

/** What came of a run that lost nothing. */
export interface Report {
  readonly manifests: {
    readonly files: number;
    readonly objects: number;
    readonly problems: readonly Problem[];
  };
  readonly objects: readonly Tally[];
  readonly writes: { readonly acknowledged: number; readonly lost: number };
  /** Writes read back: each acknowledged one through each member. */
  readonly reads: number;
  readonly failovers: readonly Failover[];
  /** What each of the watchers saw, and how much of it were Events that disappeared when their lease ended. */
  readonly watch: { readonly watchers: number; readonly changes: number; readonly expired: number };
  readonly revision: number;
  readonly hash: string;
  readonly seconds: number;
}

/** How often objects of a kind were written, and how many of them there are in the end. */
export interface Tally {
  readonly kind: string;
  readonly created: number;
  readonly updated: number;
  readonly deleted: number;
  readonly stored: number;
}

export function renderReport(report: Report): string {
  const { manifests, writes, failovers, watch } = report;
  return [
    renderTable([
      ["kind", "created", "updated", "deleted", "stored"],
      ...report.objects.map(({ kind, ...counts }) => [kind, ...Object.values(counts).map(grouped)]),
    ]),
    renderTable([
      ["failover", "killed", "leads then", "busy writers", "first write after", "caught up after"],
      ...failovers.map((each, at) => [
        `${at + 1}`,
        each.killed,
        each.leader,
        `${each.busyWriters}`,
        `${each.failoverMs} ms`,
        `${each.catchUpMs} ms`,
      ]),
    ]),
    renderFacts({
      "writes acknowledged": grouped(writes.acknowledged),
      "writes lost": `${writes.lost}, after ${grouped(report.reads)} reads`,
      "watch events": `${watch.watchers} watchers saw ${grouped(watch.changes)} each, of them ${watch.expired} expiries`,
      "broken manifests": `${manifests.problems.length}`,
      revision: `${report.revision}`,
      "state hash": `${report.hash}, the same on every member`,
      "time taken": `${report.seconds.toFixed(1)} s`,
    }),
  ].join("\n\n");
}

/** The line that a run which lost nothing ends with. */
export function verdict({ writes, failovers }: Report): string {
  return `main job: ok, ${writes.acknowledged} writes acknowledged, ${writes.lost} lost, ${failovers.length} failovers`;
}

export function renderProblem({ file, document, reason }: Problem): string {
  return document === 0 ? `${file}: ${reason}` : `${file}, document ${document}: ${reason}`;
}

/** Columns as wide as they need to be; the first to the left, the others to the right. */
function renderTable(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join("  "),
  );
  return [lines[0], "─".repeat(lines[0]!.length), ...lines.slice(1)].join("\n");
}

function renderFacts(facts: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(facts).map((name) => name.length));
  return Object.entries(facts)
    .map(([name, value]) => `${name.padEnd(width)}  ${value}`)
    .join("\n");
}

const grouped = (count: number): string => count.toLocaleString("en-US");
