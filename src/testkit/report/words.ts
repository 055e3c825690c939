import type { Entry, EntryId } from "../../log/entry.ts";
import type { Message } from "../../raft/message.ts";
import type { Action, MemberNumber } from "../scenario.ts";
import type { Ending, StopKind } from "../simulation/seen/sim-event.ts";
import { fromText } from "../written.ts";

/** What a message says, in few words. */
export function messageWords(message: Message): string {
  switch (message.kind) {
    case "append":
      return `append ${entriesWords(message.entries)} after ${placeWords(message.previous)}, commit ${message.commit}`;
    case "append-accepted":
      return `accepted to ${message.matched}`;
    case "append-rejected":
      return `rejected ${message.rejected}, perhaps equal to ${placeWords(message.hint)}`;
    case "heartbeat":
      return `heartbeat, commit ${message.commit}`;
    case "vote":
      return `vote for me in term ${message.term}, my log ends at ${placeWords(message.last)}`;
    case "pre-vote":
      return `would you vote for me in term ${message.term}?`;
    case "vote-reply":
    case "pre-vote-reply":
      return `${message.granted ? "yes" : "no"} (${message.kind}, term ${message.term})`;
    case "snapshot":
      return `snapshot to ${placeWords(message.snapshot)}`;
    default:
      return `${message.kind}${message.term === 0 ? "" : `, term ${message.term}`}`;
  }
}

export function placeWords({ index, term }: EntryId): string {
  return `${index}@${term}`;
}

export function entriesWords(entries: readonly Entry[]): string {
  if (entries.length === 0) return "nothing";
  const [first, last] = [entries[0]!, entries.at(-1)!];
  return entries.length === 1 ? placeWords(first) : `${placeWords(first)} to ${placeWords(last)}`;
}

export function stopWords(how: StopKind, reason: string | undefined): string {
  const words: Partial<Record<StopKind, string>> = { kill: "is killed", failed: "fails", closed: "closes" };
  return `${words[how] ?? `loses power (${how})`}${reason === undefined ? "" : `: ${reason}`}`;
}

export function endingWords(ending: Ending): string {
  if (ending.is === "answered") return valueWords(ending.output);
  return ending.is === "refused" ? `refused: ${ending.reason}` : `unknown: ${ending.reason}`;
}

/** What somebody does to the cluster; null for what shows in other events. */
export function actionWords(action: Action, nameOf: (member: MemberNumber) => string): string | null {
  switch (action.kind) {
    case "operation":
    case "crash":
    case "pause":
      return null;
    case "partition": {
      const groups = action.groups.map((group) => `{${group.map(nameOf).join(" ")}}`);
      return `partition ${groups.join(" | ")} for ${action.forMs} ms`;
    }
    case "cut":
      return `nothing passes from ${nameOf(action.from)} to ${nameOf(action.to)} for ${action.forMs} ms`;
    case "change": {
      const changes = action.changes.map(({ kind, member }) => `${kind} ${nameOf(member)}`);
      return `asked to change the membership: ${changes.join(", ")}`;
    }
    case "transfer":
      return `asked to hand over to ${nameOf(action.to)}`;
    case "rot":
      return "a bit changes on its disk";
    case "wipe":
      return "an operator loses its directory";
    case "old-backup":
      return `an operator copies its directory, to put the copy back ${action.ageMs} ms later`;
    case "clone":
      return `an operator starts it on a copy of ${nameOf(action.of)}'s directory, for ${action.forMs} ms`;
    case "expect":
      return `is expected to answer ${valueWords(fromText(action.answer))} to ${valueWords(action.operation)}`;
    case "stranger":
      return `others send under its name for ${action.forMs} ms`;
    default: {
      const { kind, at: _at, member: _member, ...details } = action;
      const rest = Object.entries(details).map(([name, value]) => `${name} ${String(value)}`);
      return [kind.replaceAll("-", " "), ...rest].join(", ");
    }
  }
}

const VALUE_MAX = 60;

/** A command, query or answer. Plain objects become words: `put key k1 value 7`. */
export function valueWords(value: unknown): string {
  const text = typeof value === "string" ? value : wordsOf(value);
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX - 1)}…` : text;
}

/** What a machine was given, and what it made of it. */
export function executedWords(input: string, index: number, result: unknown): string {
  return `executes ${input} at ${index}: ${valueWords(result)}`;
}

/** Names that say what the values themselves say. */
const SILENT = new Set(["kind", "command", "query", "json"]);

function wordsOf(value: unknown): string {
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (typeof value !== "object" || value === null) return String(value ?? "nothing");
  if (Array.isArray(value)) return `[${value.map(wordsOf).join(", ")}]`;
  return Object.entries(value)
    .filter(([, each]) => each !== undefined && each !== null)
    .map(([name, each]) => (SILENT.has(name) ? wordsOf(each) : `${name} ${wordsOf(each)}`))
    .join(" ");
}
