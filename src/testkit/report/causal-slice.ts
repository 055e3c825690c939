import type { RecordedEvent, RecordedKind, Recording } from "../recording.ts";

/** What changes how a member goes on, even where no state is recorded with it. */
const TURNING_POINTS: ReadonlySet<RecordedKind> = new Set<RecordedKind>([
  ...(["role", "commit", "snapshot", "membership", "crash", "restart"] as const),
  ...(["pause", "resume", "disk", "clock", "call"] as const),
]);

/**
 * The events that led to the violation, in order: what it rests on, by messages and by what its member had become
 * (happens-before, Lamport 1978), without all that merely came before. Partitions belong to it, since what they kept
 * from happening cannot be followed. Empty where nothing went wrong.
 */
export function causalSlice({ events, violation }: Recording): number[] {
  if (violation === null) return [];
  const beforeAt = eventsBefore(events);
  const slice = new Set<number>();
  const open = [violation.event];
  while (open.length > 0) {
    const at = open.pop()!;
    const event = events[at];
    if (event === undefined || slice.has(at)) continue;
    slice.add(at);
    open.push(...(event.causes ?? []), ...beforeAt(at));
  }
  for (const [at, { kind }] of events.entries()) {
    if (at < violation.event && (kind === "partition" || kind === "heal")) slice.add(at);
  }
  return [...slice].sort((a, b) => a - b);
}

/** For each event those at the same places that it rests on: what happened at the same moment, and the last turning point. */
function eventsBefore(events: readonly RecordedEvent[]): (at: number) => number[] {
  const places = new Map<string, number[]>();
  for (const [at, event] of events.entries()) {
    for (const name of placesOf(event)) {
      const place = places.get(name) ?? [];
      places.set(name, place);
      place.push(at);
    }
  }
  return (at) => placesOf(events[at]!).flatMap((name) => before(events, at, places.get(name)!));
}

function placesOf({ who, peer }: RecordedEvent): string[] {
  return [who, peer].filter((place) => place !== null && place !== undefined);
}

function before(events: readonly RecordedEvent[], at: number, place: readonly number[]): number[] {
  const found: number[] = [];
  for (let position = place.indexOf(at) - 1; position >= 0; position--) {
    const earlier = place[position]!;
    const event = events[earlier]!;
    const isTurn = event.state !== undefined || TURNING_POINTS.has(event.kind);
    // Sending changes nobody who sends.
    if (isTurn || (event.at === events[at]!.at && event.kind !== "send")) found.push(earlier);
    if (isTurn) break;
  }
  return found;
}
