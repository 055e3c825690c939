import type { RecordedEvent, RecordedKind, Recording } from "./recording.ts";
import { causalSlice } from "./report/causal-slice.ts";

/** What every run is full of, and nobody wants to read about. */
const ROUTINE: ReadonlySet<RecordedKind> = new Set<RecordedKind>(["save", "apply"]);
const LINES_MAX = 40;

/** What led to the violation, in words: a line for each event that it rests on, with its virtual milliseconds. */
export function tellStory(recording: Recording, linesMax = LINES_MAX): string[] {
  const slice = causalSlice(recording).map((at) => recording.events[at]!);
  const told = slice.filter((event) => !ROUTINE.has(event.kind) && !isIdle(event));
  const lines = told.slice(-linesMax).map(lineOf);
  const left = told.length - lines.length;
  return left === 0 ? lines : [`        … ${left} earlier events`, ...lines];
}

/** Heartbeats and probes carry no news. */
function isIdle({ kind, text }: RecordedEvent): boolean {
  return (kind === "send" || kind === "receive" || kind === "drop") && /heartbeat/.test(text);
}

function lineOf({ at, who, text }: RecordedEvent): string {
  return `${at.toFixed(1).padStart(9)} ms  ${(who ?? "").padEnd(4)} ${text}`;
}
