import { utf8Text } from "../../../base/bytes.ts";
import { structureKey } from "../../structure.ts";

/** What of a state can be shown. */
interface Shown {
  readonly hash: number;
  readonly bytes?: Uint8Array;
  readonly view?: unknown;
}

/** Two states that differ, as people can read them: from shortly before the place where they begin to. */
export function shownStates(left: Shown, right: Shown): [string, string] {
  return differing(textOf(left), textOf(right));
}

/** Shown of each state. */
const SHOWN_LENGTH_MAX = 240;
/** Of that, what both have alike before they differ. */
const ALIKE_LENGTH_MAX = 60;

/** A state as people can read it: as the machine shows it, as the text of its snapshot, or as bytes. */
function textOf({ hash, bytes, view }: Shown): string {
  if (view !== undefined) return structureKey(view);
  if (bytes === undefined) return `a state whose sum is ${hash}`;
  const text = utf8Text(bytes);
  return /^[^\p{C}\ufffd]*$/u.test(text) ? text : structureKey(bytes);
}

function differing(left: string, right: string): [string, string] {
  let at = 0;
  while (at < left.length && left[at] === right[at]) at += 1;
  // Their first bytes are alike, all that is kept of them.
  if (at === left.length && at === right.length) return [`another sum than ${left}`, "another"];
  const from = Math.max(0, at - ALIKE_LENGTH_MAX);
  const shown = (text: string): string => {
    const part = text.slice(from, from + SHOWN_LENGTH_MAX);
    return `${from > 0 ? "…" : ""}${part}${from + SHOWN_LENGTH_MAX < text.length ? "…" : ""}`;
  };
  return [shown(left), shown(right)];
}
