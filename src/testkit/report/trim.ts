import type { RecordedEvent, RecordedState, Recording } from "../recording.ts";

/**
 * A recording of at most `eventsMax` events beside those in `keep`: the last ones. What the others changed shows in
 * the next event of the same member that stays.
 */
export function trimRecording(recording: Recording, keep: readonly number[], eventsMax: number): Recording {
  const { events, operations, violation } = recording;
  if (events.length <= eventsMax) return recording;

  const kept = new Set(keep);
  for (let at = events.length - eventsMax; at < events.length; at++) kept.add(at);
  for (const operation of operations) {
    if (kept.has(operation.call) && operation.return !== null) kept.add(operation.return);
  }
  const places = new Map([...kept].sort((a, b) => a - b).map((from, to) => [from, to]));
  const pending = new Map<string | null, RecordedState>();
  const trimmed: RecordedEvent[] = [];
  for (const [at, event] of events.entries()) {
    const state = merge(pending.get(event.who), event.state);
    if (!kept.has(at)) {
      if (state !== undefined) pending.set(event.who, state);
      continue;
    }
    pending.delete(event.who);
    const causes = (event.causes ?? []).flatMap((cause) => places.get(cause) ?? []);
    trimmed.push({ ...event, causes, ...(state === undefined ? {} : { state }) });
  }
  return {
    ...recording,
    events: trimmed,
    operations: operations.flatMap((operation) => {
      const call = places.get(operation.call);
      if (call === undefined) return [];
      const end = operation.return === null ? null : (places.get(operation.return) ?? null);
      return [{ ...operation, call, return: end }];
    }),
    violation: violation === null ? null : { ...violation, event: places.get(violation.event)! },
  };
}

function merge(
  earlier: RecordedState | undefined,
  later: RecordedState | undefined,
): RecordedState | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  if (earlier.log === undefined || later.log === undefined) return { ...earlier, ...later };
  if (later.log.from < earlier.log.from) return { ...earlier, ...later };
  const kept = later.log.from - earlier.log.from;
  const texts = [
    ...Array.from({ length: kept }, (_, at) => earlier.log?.texts?.[at] ?? ""),
    ...(later.log.texts ?? []),
  ];
  const terms = [...earlier.log.terms.slice(0, kept), ...later.log.terms];
  return { ...earlier, ...later, log: { from: earlier.log.from, terms, texts } };
}
