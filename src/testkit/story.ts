import type { RecordedEvent, RecordedKind, Recording } from "./recording.ts";
import { causalSlice } from "./report/causal-slice.ts";

/** What every run is full of, and nobody wants to read about. */
const ROUTINE: ReadonlySet<RecordedKind> = new Set<RecordedKind>(["save", "apply"]);
/** What people do to a cluster, and what they see of it. */
const COURSE: ReadonlySet<RecordedKind> = new Set<RecordedKind>([
  "call",
  "return",
  "role",
  "crash",
  "restart",
  "pause",
  "resume",
  "partition",
  "heal",
  "membership",
  "disk",
  "clock",
  "note",
  "violation",
]);
/** What a script objects to rests on all that it did, and not on what one member was told last. */
const OBJECTIONS: readonly string[] = ["script", "expected"];
const LINES_MAX = 40;

/** How the violation came about, in words: a line for each event that counts, with its virtual milliseconds. */
export function tellStory(recording: Recording, linesMax = LINES_MAX): string[] {
  const isObjection = OBJECTIONS.includes(recording.violation?.invariant ?? "");
  const lines = isObjection ? tellCourse(recording) : tellCauses(recording);
  const left = lines.length - linesMax;
  return left <= 0 ? lines : [`        … ${left} earlier events`, ...lines.slice(-linesMax)];
}

/** What led to the violation: the events that it rests on. Empty where nothing went wrong. */
export function tellCauses(recording: Recording): string[] {
  return causalSlice(recording)
    .map((at) => recording.events[at]!)
    .filter((event) => !ROUTINE.has(event.kind) && !isIdle(event))
    .map(lineOf);
}

/** The course of a run: what was done, and who came to lead, without what passed between the members. */
export function tellCourse({ events }: Recording): string[] {
  const memberships = new Set<string>();
  const isNews = ({ kind, text }: RecordedEvent): boolean => {
    if (kind !== "membership") return COURSE.has(kind);
    const isNew = !memberships.has(text);
    memberships.add(text);
    return isNew;
  };
  return events.filter(isNews).map(lineOf);
}

/** Heartbeats and probes carry no news. */
function isIdle({ kind, text }: RecordedEvent): boolean {
  return (kind === "send" || kind === "receive" || kind === "drop") && /heartbeat/.test(text);
}

function lineOf({ at, who, text }: RecordedEvent): string {
  return `${at.toFixed(1).padStart(9)} ms  ${(who ?? "").padEnd(4)} ${text}`;
}
