import type { HistoryResult } from "../linearizability/check-history.ts";
import { type Operation, textOf } from "../linearizability/operation.ts";
import type { RecordedEvent, RecordedOperation, Recording } from "../recording.ts";
import { renderReport } from "./render-report.ts";

/** A page that shows a history and what was made of it: who called what when, and where no explanation is left. */
export function visualizeHistory(
  operations: readonly Operation[],
  result: HistoryResult,
  title = "history",
): string {
  return renderReport(recordingOf(operations, result, title));
}

function recordingOf(operations: readonly Operation[], result: HistoryResult, title: string): Recording {
  const moments = operations.flatMap((operation, at) => [
    { at, time: operation.call, isCall: true },
    ...(operation.unknown === true ? [] : [{ at, time: operation.return, isCall: false }]),
  ]);
  // Intervals are closed: what is called at a moment overlaps with what returns then.
  moments.sort((a, b) => a.time - b.time || Number(b.isCall) - Number(a.isCall));
  const begin = moments[0]?.time ?? 0;
  const calls = new Map<number, number>();
  const returns = new Map<number, number>();
  const events = moments.map(({ at, time, isCall }, place): RecordedEvent => {
    (isCall ? calls : returns).set(at, place);
    const operation = operations[at]!;
    const event = { at: time - begin, who: nameOf(operation) };
    if (isCall) return { ...event, kind: "call", text: textOf(operation.input) };
    return { ...event, kind: "return", text: answerOf(operation) ?? "", causes: [calls.get(at)!] };
  });
  const recorded = operations.map(
    (operation, at): RecordedOperation => ({
      client: nameOf(operation),
      input: textOf(operation.input),
      output: answerOf(operation),
      outcome: operation.unknown === true ? "unknown" : "ok",
      call: calls.get(at)!,
      return: returns.get(at) ?? null,
    }),
  );
  const first = firstUnexplained(operations, result);
  const { verdict, message } = result;
  const event = first === null ? events.length - 1 : returns.get(first)!;
  return {
    ...{ format: 1, title, seed: null, members: [], events, operations: recorded, replay: null },
    violation: verdict === "ok" ? null : { invariant: verdict, message, event },
  };
}

/** Of those that the longest legal beginning leaves out, the one that returned first. */
function firstUnexplained(
  operations: readonly Operation[],
  { parts, verdict }: HistoryResult,
): number | null {
  if (verdict === "ok") return null;
  const explained = new Set(parts.flatMap(({ orders }) => orders[0] ?? []));
  let first: number | null = null;
  let earliest = Number.POSITIVE_INFINITY;
  for (const [at, operation] of operations.entries()) {
    if (operation.unknown === true || explained.has(at) || operation.return >= earliest) continue;
    [first, earliest] = [at, operation.return];
  }
  return first;
}

function nameOf({ client }: Operation): string {
  return typeof client === "number" ? `c${client}` : client;
}

function answerOf(operation: Operation): string | null {
  return operation.unknown === true ? null : textOf(operation.output);
}
