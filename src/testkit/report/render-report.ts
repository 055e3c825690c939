import { exact } from "../../base/surplus.ts";
import type { RecordedViolation, Recording } from "../recording.ts";
import { causalSlice } from "./causal-slice.ts";
import { PAGE_SCRIPT } from "./page-script.ts";
import { PAGE_STYLE } from "./page-style.ts";
import { trimRecording } from "./trim.ts";

/** So many events are shown, beside those that led to the violation. */
const EVENTS_MAX = 4_000;

/**
 * A page that shows a recording: who told whom what and when, what each log held at each moment, what clients saw, and
 * what led to the violation. It is one file, works from the disk, and asks no network for anything.
 */
export const renderReport = exact("renderReport", 1, function renderReport(recording: Recording): string {
  const shown = trimRecording(recording, causalSlice(recording), EVENTS_MAX);
  const data = { recording: shown, slice: causalSlice(shown), all: recording.events.length };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escaped(recording.title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
${headOf(recording)}
${BODY}
<script type="application/json" id="recording">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
});

function headOf({ title, seed, violation, replay, events }: Recording): string {
  const verdict =
    violation === null
      ? '<p class="verdict good">Nothing went wrong.</p>'
      : `<p class="verdict bad"><b>${escaped(violation.invariant)}</b> ${escaped(withoutName(violation))}</p>`;
  const facts = [`${events.length} events`, `${Math.round(events.at(-1)?.at ?? 0)} ms`];
  if (seed !== null) facts.unshift(`seed ${seed}`);
  return `<header>
<h1>${escaped(title)}</h1>
<p class="facts">${facts.map((fact) => `<span>${fact}</span>`).join("")}</p>
${verdict}
${replay === null ? "" : `<p class="replay">again: <code>${escaped(replay)}</code></p>`}
</header>`;
}

/** The message without the invariant's name, where it begins with it. */
function withoutName({ invariant, message }: RecordedViolation): string {
  return message.startsWith(`${invariant}: `) ? message.slice(invariant.length + 2) : message;
}

const BODY = `<nav aria-label="time">
<button id="first" title="to the beginning (Home)">|◀</button>
<button id="back" title="one event back (←)">◀</button>
<input id="slider" type="range" min="0" value="0" aria-label="event">
<button id="forward" title="one event on (→)">▶</button>
<button id="last" title="to the end (End)">▶|</button>
<output id="moment"></output>
<label id="slice-label"><input id="slice" type="checkbox"> only what led to it</label>
<span id="members" role="group" aria-label="members and clients"></span>
</nav>
<main>
<section id="diagram" aria-label="space-time diagram" tabindex="0">
<div id="lanes"></div>
<div id="rows"></div>
</section>
<aside>
<section aria-label="event"><h2>At this moment</h2><div id="event"></div></section>
<section aria-label="logs" id="logs-section"><h2>Logs</h2><div id="logs"></div></section>
<section aria-label="clients" id="clients-section"><h2>Clients</h2><div id="clients"></div></section>
<section aria-label="legend"><h2>Signs</h2><div id="legend"></div></section>
</aside>
</main>`;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
