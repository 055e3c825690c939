import { readdirSync, readFileSync } from "node:fs";

const FOLDER = new URL("../../../src/testkit/invariants/", import.meta.url);
const CHECK = /readonly name = "(\w+)";\s*readonly says =\s*"([^"]+)"/g;

interface Row {
  readonly name: string;
  readonly says: string;
  readonly where: string;
}

/** What no file of its own holds: where it is held instead, or why nothing holds it here. */
const ELSEWHERE: readonly Row[] = [
  row("D2", "No write that was acknowledged is lost.", "R9, R11, D3 and C2 together"),
  row(
    "C3",
    "A stale read shows some past state, and that one truly.",
    "C2, at the entry that it was answered as of; that one reader's moments never go back is not promised",
  ),
  row(
    "C4",
    "Nobody reads what nobody wrote, nor what was refused.",
    "C2, with values that are written once, and S4",
  ),
  row("C5", "What was refused is never in the log.", "S4"),
  row("W2", "A watch tells no change twice.", "W1"),
  row("W3", "A watch leaves no change out.", "W1, W7"),
  row("W4", "A revision is told whole.", "W1, W7"),
  row(
    "W5",
    "A watch that begins in the past goes on from there without a gap.",
    "W7: after each start one begins at the first revision",
  ),
  row("W6", "When a watch says how far it is, everything up to there was told.", "W1, W7"),
  row("W8", "A watch tells nothing that is not agreed on.", "W7"),
  row("W9", "A watch whose next change is compacted ends, and says so.", "W1, W7"),
  row(
    "W10",
    "What waits for a watcher is bounded.",
    "`test/kv/mvcc/watch-hub.test.ts`; here one watch has room for two changes, and must not lose any by that",
  ),
  row(
    "T4",
    "Only who leads ends a lease, and by what it knows of its last renewal.",
    "T1: leases end through the log, with the renewal that was found over",
  ),
  row(
    "V1",
    "Once everything is mended the cluster comes to be of one mind.",
    "`simulation/run/simulation.ts`: it ends the run",
  ),
  row("V3", "Every call ends.", "V1"),
  row("V4", "No configuration stays joint, and nobody stays behind.", "V1"),
  row("V5", "Watches catch up, and leases end.", "V1, W1, T2"),
  row(
    "B2",
    "Queues, what is in flight and what waits keep to their limits.",
    "asserted in the code where the limit stands; the simulation sets the limits so low that they are met",
  ),
  row(
    "B3",
    "A log is cut when there is a snapshot.",
    "`test/replica/cluster.test.ts`; runs are too short to show growth",
  ),
  row(
    "B4",
    "Nobody is busy without end.",
    "B1, and a run of turns at one moment that does not end is a crash",
  ),
];

function row(name: string, says: string, where: string): Row {
  return { name, says, where };
}

/** The table of all invariants, as it stands on the page. */
export function invariantTable(): string {
  const rows = [...rowsOfFiles(), ...ELSEWHERE].sort(
    (left, right) => kindOf(left) - kindOf(right) || numberOf(left) - numberOf(right),
  );
  return [
    "| | what must hold | where |",
    "|---|---|---|",
    ...rows.map(({ name, says, where }) => `| ${name} | ${says} | ${where} |`),
  ].join("\n");
}

/** All files that have a check in them, with what it says of itself. */
function rowsOfFiles(): Row[] {
  const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  return files.sort().flatMap((file) => {
    const text = readFileSync(new URL(file, FOLDER), "utf8");
    return [...text.matchAll(CHECK)].map(([, name, says]) => row(name!, says!, `\`${file}\``));
  });
}

const KINDS = "RDSKCWTVBFI";

function kindOf({ name }: Row): number {
  return KINDS.indexOf(name[0]!);
}

function numberOf({ name }: Row): number {
  return Number(name.slice(1));
}
