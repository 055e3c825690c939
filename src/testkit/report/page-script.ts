/**
 * What moves in the page, as the browser's own language: it is copied into the page as it stands. It sets texts only
 * as texts, and keeps all that it draws in `draw`, which is called whenever what is shown changes.
 */
export const PAGE_SCRIPT = String.raw`
"use strict";
const { recording, slice, all } = JSON.parse(document.getElementById("recording").textContent);
const { events, operations, members, violation } = recording;
const clients = [...new Set(operations.map((each) => each.client))].sort();
const lanes = [...members, ...clients];
const inSlice = new Set(slice);
const ROW = 24, GUTTER = 76, LANE = Math.max(48, Math.min(84, 420 / lanes.length));
// Room for the words of a row; what does not fit is shown at the side.
const TEXT_MIN = 320;
const FAULTS = new Set(["crash", "pause", "disk", "clock", "partition", "drop"]);
const byId = (id) => document.getElementById(id);

const view = { at: violation === null ? events.length - 1 : violation.event, onlySlice: violation !== null, hidden: new Set(), rows: [] };
const asked = /^#e=(\d+)$/.exec(location.hash);
if (asked !== null && Number(asked[1]) < events.length) {
  view.at = Number(asked[1]);
  if (!inSlice.has(view.at)) view.onlySlice = false;
}

// What each member was after each event that changed it.
const histories = new Map(members.map((name) => [name, []]));
for (const [at, { who, state, kind }] of events.entries()) {
  const history = histories.get(who);
  if (history === undefined) continue;
  const before = history.at(-1)?.state ?? { role: "follower", term: 0, committed: 0, applied: 0, saved: 0, snapshot: 0, terms: [], texts: [], paused: false };
  const after = { ...before, ...state };
  if (kind === "crash") after.role = "down";
  if (kind === "restart" && after.role === "down") after.role = "follower";
  if (kind === "pause" || kind === "resume") after.paused = kind === "pause";
  if (state?.log !== undefined) {
    after.terms = before.terms.slice(0, state.log.from);
    after.texts = before.texts.slice(0, state.log.from);
    state.log.terms.forEach((term, offset) => {
      after.terms[state.log.from + offset] = term;
      after.texts[state.log.from + offset] = state.log.texts?.[offset] ?? "";
    });
  }
  delete after.log;
  if (state !== undefined || ["crash", "restart", "pause", "resume"].includes(kind)) history.push({ at, state: after });
}
function stateAt(name, at) {
  const history = histories.get(name) ?? [];
  let low = 0, high = history.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (history[middle].at <= at) low = middle + 1; else high = middle;
  }
  return low === 0 ? null : history[low - 1].state;
}

function element(name, attributes = {}, ...children) {
  const isDrawing = ["svg", "path", "circle", "rect", "line", "text", "g", "title"].includes(name);
  const made = isDrawing ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
const termColor = (term) => "var(--term-" + (term === 0 ? 0 : ((term - 1) % 8) + 1) + ")";
const laneX = (who) => {
  const at = shownLanes().indexOf(who);
  return at === -1 ? null : GUTTER + at * LANE + LANE / 2;
};
const shownLanes = () => lanes.filter((name) => !view.hidden.has(name));
const milliseconds = (at) => (Math.round(at * 10) / 10).toLocaleString("en-US");

function drawAll() {
  view.rows = [...events.keys()].filter((at) => {
    const { who } = events[at];
    return (!view.onlySlice || inSlice.has(at)) && !view.hidden.has(who);
  });
  const names = shownLanes();
  byId("lanes").replaceChildren(
    element("span", { style: "width:" + GUTTER + "px" }),
    ...names.map((name) => element("span", { style: "width:" + LANE + "px", class: members.includes(name) ? "member" : "client", title: name }, name)),
  );
  const rows = view.rows.map((at, row) => {
    const event = events[at];
    const before = row === 0 ? null : events[view.rows[row - 1]].at;
    const what = element("span", { class: "what", title: event.text });
    if (event.who !== null) what.append(element("b", {}, event.who));
    what.append(event.text);
    const kind = FAULTS.has(event.kind) ? event.kind + " fault" : event.kind;
    return element("div", { class: "row " + kind, "data-event": at },
      element("span", { class: "time" }, before === event.at ? "" : milliseconds(event.at)),
      element("span", { class: "space", style: "width:" + names.length * LANE + "px" }), what);
  });
  for (const part of ["lanes", "rows"]) byId(part).style.minWidth = GUTTER + names.length * LANE + TEXT_MIN + "px";
  byId("rows").replaceChildren(drawing(), element("div", { class: "veil", style: "left:" + GUTTER + "px;width:" + names.length * LANE + "px" }), ...rows);
  byId("slider").max = Math.max(0, view.rows.length - 1);
  for (const chip of document.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", String(!view.hidden.has(chip.textContent)));
  byId("slice").checked = view.onlySlice;
  drawMoment();
}

function drawing() {
  const rowOf = new Map(view.rows.map((at, row) => [at, row]));
  const yOf = (at) => rowOf.get(at) * ROW + ROW / 2;
  const height = view.rows.length * ROW;
  const svg = element("svg", { width: GUTTER + shownLanes().length * LANE, height, "aria-hidden": "true" });
  drawGroups(svg, height);
  for (const name of shownLanes()) if (members.includes(name)) drawLife(svg, name);
  for (const { client, call, return: end, outcome } of operations) {
    if (laneX(client) === null || !rowOf.has(call)) continue;
    const until = end !== null && rowOf.has(end) ? yOf(end) : outcome === "unknown" ? height : yOf(call) + ROW / 2;
    const color = outcome === "ok" ? "var(--good)" : outcome === "failed" ? "var(--soft)" : "var(--unsure)";
    svg.append(element("line", { x1: laneX(client), x2: laneX(client), y1: yOf(call), y2: until, stroke: color, "stroke-width": 4, "stroke-linecap": "round", "stroke-dasharray": outcome === "unknown" ? "1 7" : "none", opacity: 0.75 }));
  }
  for (const at of view.rows) for (const cause of events[at].causes ?? []) drawArrow(svg, cause, at, rowOf, yOf);
  for (const at of view.rows) drawPassage(svg, at, yOf(at));
  for (const at of view.rows) drawSign(svg, at, yOf(at));
  return svg;
}

function drawGroups(svg, height) {
  let groups = null, from = 0;
  const close = (to) => {
    if (groups === null) return;
    for (const [number, group] of groups.entries()) for (const name of group) {
      const x = laneX(name);
      if (x !== null) svg.append(element("rect", { x: x - LANE / 2, width: LANE, y: from, height: to - from, fill: "var(--group-" + (number % 3) + ")" }));
    }
    groups = null;
  };
  for (const [row, at] of view.rows.entries()) {
    const { kind, groups: next } = events[at];
    if (kind !== "partition" && kind !== "heal") continue;
    close(row * ROW + ROW / 2);
    if (kind === "partition" && next !== undefined) { groups = next; from = row * ROW + ROW / 2; }
  }
  close(height);
}

function drawLife(svg, name) {
  const x = laneX(name);
  for (const [row, at] of view.rows.entries()) {
    const state = stateAt(name, at);
    const last = row === view.rows.length - 1;
    const style = lifeStyle(state);
    svg.append(element("line", { x1: x, x2: x, y1: row * ROW + ROW / 2, y2: (row + (last ? 1 : 1.5)) * ROW, ...style }));
  }
}
function lifeStyle(state) {
  if (state === null) return { stroke: "var(--line)", "stroke-width": 2 };
  const stroke = termColor(state.term);
  if (state.role === "down") return { stroke: "var(--accent)", "stroke-width": 1, "stroke-dasharray": "1 5" };
  if (state.paused) return { stroke, "stroke-width": 2, "stroke-dasharray": "2 5" };
  if (state.role === "leader") return { stroke, "stroke-width": 9 };
  if (state.role.endsWith("candidate")) return { stroke, "stroke-width": 4, "stroke-dasharray": "5 3" };
  return { stroke, "stroke-width": 2, opacity: 0.7 };
}

function drawArrow(svg, cause, at, rowOf, yOf) {
  const [from, to] = [events[cause], events[at]];
  if (from.who === null || to.who === null || from.who === to.who || !rowOf.has(cause)) return;
  const [x1, x2] = [laneX(from.who), laneX(to.who)];
  if (x1 === null || x2 === null) return;
  const isLost = to.kind === "drop";
  const [dx, dy] = [x2 - x1, yOf(at) - yOf(cause)];
  const length = Math.hypot(dx, dy) || 1;
  const stop = isLost ? length * 0.6 : length - 8;
  const [tipX, tipY] = [x1 + (dx * stop) / length, yOf(cause) + (dy * stop) / length];
  const color = isLost ? "var(--accent)" : violation !== null && inSlice.has(cause) && inSlice.has(at) ? "var(--ink)" : "var(--arrow)";
  const path = element("path", { d: "M" + x1 + " " + yOf(cause) + "L" + tipX + " " + tipY, stroke: color, "stroke-width": 1.2, fill: "none", class: "message", "data-from": cause, "data-to": at, "stroke-dasharray": isLost ? "4 3" : "none" });
  const [ux, uy] = [dx / length, dy / length];
  const head = isLost
    ? "M" + (tipX - 4) + " " + (tipY - 4) + "l8 8m0 -8l-8 8"
    : "M" + tipX + " " + tipY + "L" + (tipX - 7 * ux + 3.5 * uy) + " " + (tipY - 7 * uy - 3.5 * ux) + "L" + (tipX - 7 * ux - 3.5 * uy) + " " + (tipY - 7 * uy + 3.5 * ux) + "Z";
  svg.append(path, element("path", isLost ? { d: head, stroke: color, "stroke-width": 1.6 } : { d: head, fill: color }));
}

// Between a client and the member that it talks with nothing is simulated: it passes in no time.
function drawPassage(svg, at, y) {
  const { who, peer, kind } = events[at];
  const ends = [laneX(who), laneX(peer)];
  if (peer === undefined || ends.includes(null)) return;
  const [from, to] = kind === "return" ? [ends[1], ends[0]] : ends;
  const way = Math.sign(to - from);
  svg.append(
    element("line", { x1: from, x2: to - way * 8, y1: y, y2: y, stroke: "var(--good)", "stroke-width": 1.2, opacity: 0.8 }),
    element("path", { d: "M" + (to - way * 6) + " " + y + "l" + -way * 7 + " -3.5v7z", fill: "var(--good)" }),
  );
}

function drawSign(svg, at, y) {
  const { who, kind } = events[at];
  if (who === null) {
    const width = GUTTER + shownLanes().length * LANE;
    const color = kind === "heal" ? "var(--good)" : kind === "violation" ? "var(--accent)" : "var(--unsure)";
    svg.append(element("line", { x1: GUTTER, x2: width, y1: y, y2: y, stroke: color, "stroke-width": 1.5, "stroke-dasharray": "6 4" }));
    return;
  }
  const x = laneX(who);
  if (x === null) return;
  svg.append(sign(kind, x, y, termColor(stateAt(who, at)?.term ?? 0)));
}
function sign(kind, x, y, color) {
  const paper = "var(--card)";
  switch (kind) {
    case "crash":
      return element("path", { d: "M" + (x - 6) + " " + (y - 6) + "l12 12m0 -12l-12 12", stroke: "var(--accent)", "stroke-width": 3, "stroke-linecap": "round" });
    case "restart":
      return element("circle", { cx: x, cy: y, r: 6, fill: paper, stroke: "var(--good)", "stroke-width": 3 });
    case "role":
      return element("path", { d: "M" + x + " " + (y - 8) + "l8 8l-8 8l-8 -8z", fill: color, stroke: paper, "stroke-width": 1.5 });
    case "violation":
      return element("path", { d: "M" + x + " " + (y - 10) + "l10 18h-20z", fill: "var(--accent)", stroke: paper, "stroke-width": 2 });
    case "commit":
      return element("rect", { x: x - 5, y: y - 5, width: 10, height: 10, fill: color, stroke: paper, "stroke-width": 1.5 });
    case "save": case "snapshot":
      return element("rect", { x: x - 6, y: y - 3, width: 12, height: 6, rx: 2, fill: paper, stroke: color, "stroke-width": 1.8 });
    case "pause": case "disk": case "clock": case "drop":
      return element("circle", { cx: x, cy: y, r: 5, fill: paper, stroke: "var(--accent)", "stroke-width": 2 });
    case "call": case "return":
      return element("circle", { cx: x, cy: y, r: 5, fill: "var(--good)", stroke: paper, "stroke-width": 1.5 });
    default:
      return element("circle", { cx: x, cy: y, r: 4, fill: color, stroke: paper, "stroke-width": 1.5 });
  }
}

function drawMoment() {
  const row = Math.max(0, view.rows.findLastIndex((at) => at <= view.at));
  const at = view.rows[row] ?? view.at;
  byId("slider").value = row;
  const { at: time } = events[at] ?? { at: 0 };
  byId("moment").textContent = milliseconds(time) + " ms · " + (view.rows.length === 0 ? 0 : row + 1) + "/" + view.rows.length;
  for (const each of byId("rows").querySelectorAll(".row")) {
    const event = Number(each.dataset.event);
    each.classList.toggle("now", event === at);
    each.classList.toggle("later", event > at);
  }
  document.querySelector(".veil").style.top = (row + 1) * ROW + "px";
  history.replaceState(null, "", "#e=" + at);
  drawEvent(at);
  drawLogs(at);
  drawClients(at);
}

function drawEvent(at) {
  const event = events[at];
  if (event === undefined) return;
  const list = element("dl", {});
  const add = (name, ...what) => list.append(element("dt", {}, name), element("dd", {}, ...what));
  add("when", milliseconds(event.at) + " ms");
  if (event.who !== null) add("where", event.peer === undefined ? event.who : event.who + " with " + event.peer);
  add("what", event.text);
  for (const cause of event.causes ?? []) {
    const link = element("button", {}, (events[cause].who ?? "all") + ": " + events[cause].text + " (" + milliseconds(events[cause].at) + " ms)");
    link.addEventListener("click", () => show(cause));
    add("because", link);
  }
  const next = events.findIndex((each, later) => later > at && (each.causes ?? []).includes(at));
  if (next !== -1) {
    const link = element("button", {}, (events[next].who ?? "all") + ": " + events[next].text);
    link.addEventListener("click", () => show(next));
    add("leads to", link);
  }
  byId("event").replaceChildren(list);
}

const COLUMNS = 12;
function drawLogs(at) {
  const states = members.filter((name) => !view.hidden.has(name)).map((name) => [name, stateAt(name, at)]);
  const last = Math.max(0, ...states.map(([, state]) => Math.max((state?.terms.length ?? 1) - 1, state?.committed ?? 0)));
  const first = Math.max(1, last - COLUMNS + 1);
  const indexes = Array.from({ length: Math.max(0, last - first + 1) }, (_, offset) => first + offset);
  const head = element("tr", {}, element("th", {}), ...indexes.map((index) => element("th", {}, String(index))));
  const body = states.map(([name, state]) => {
    const label = state === null ? "not yet" : state.role + (state.paused ? ", paused" : "") + " · term " + state.term;
    const row = element("tr", { class: state?.role === "down" ? "down" : "up", "data-member": name }, element("th", {}, name + " ", element("small", {}, label)));
    for (const index of indexes) row.append(cell(state, index));
    return row;
  });
  byId("logs-section").hidden = members.length === 0;
  byId("logs").replaceChildren(indexes.length === 0 && states.every(([, state]) => state === null)
    ? element("p", { class: "none" }, "Nothing is known yet.")
    : element("table", {}, element("thead", {}, head), element("tbody", {}, ...body)));
}
function cell(state, index) {
  const made = element("td", { class: "cell" });
  if (state === null) { made.classList.add("empty"); return made; }
  const term = state.terms[index];
  if (term === undefined) {
    made.classList.add(index <= state.snapshot ? "cut" : "empty");
    return made;
  }
  const isCommitted = index <= state.committed;
  made.textContent = term;
  made.title = "index " + index + ", term " + term + (state.texts[index] ? "\n" + state.texts[index] : "") +
    (isCommitted ? "\ncommitted" : "") + (index <= state.applied ? ", applied" : "") + (index <= state.saved ? ", durable" : ", not durable");
  made.classList.toggle("committed", isCommitted);
  made.classList.toggle("applied", index <= state.applied);
  made.classList.toggle("unsaved", index > state.saved);
  made.style.color = termColor(term);
  made.style.borderColor = termColor(term);
  if (isCommitted) made.style.background = termColor(term);
  return made;
}

function drawClients(at) {
  byId("clients-section").hidden = operations.length === 0;
  const shown = operations.filter(({ client }) => !view.hidden.has(client));
  if (shown.length === 0) { byId("clients").replaceChildren(); return; }
  const names = clients.filter((name) => shown.some(({ client }) => client === name));
  const [begin, end] = [Math.min(...shown.map(({ call }) => events[call].at)), Math.max(...events.map((each) => each.at))];
  const [WIDTH, HEIGHT, LEFT] = [600, 34, 56];
  const x = (time) => LEFT + ((time - begin) / Math.max(1, end - begin)) * (WIDTH - LEFT - 8);
  const svg = element("svg", { viewBox: "0 0 " + WIDTH + " " + (names.length * HEIGHT + 8), role: "img" });
  for (const [row, name] of names.entries()) {
    svg.append(element("text", { x: 0, y: row * HEIGHT + 22, class: "name" }, name));
    for (const operation of shown.filter(({ client }) => client === name)) svg.append(bar(operation, row * HEIGHT + 7, x, end));
  }
  const now = x(events[at]?.at ?? 0);
  svg.append(element("line", { x1: now, x2: now, y1: 0, y2: names.length * HEIGHT + 8, stroke: "var(--term-1)", "stroke-width": 1.5 }));
  byId("clients").replaceChildren(svg);
}
function bar({ input, output, outcome, call, return: ended }, y, x, end) {
  const [from, to] = [x(events[call].at), x(ended === null ? end : events[ended].at)];
  const color = outcome === "ok" ? "var(--good)" : outcome === "failed" ? "var(--soft)" : "var(--unsure)";
  const says = input + (output === null ? (outcome === "unknown" ? " → ?" : " → failed") : " → " + output);
  const made = element("g", { class: "bar", "data-call": call },
    element("title", {}, says),
    element("rect", { x: from, y, width: Math.max(5, to - from), height: 20, rx: 4, fill: color, "fill-opacity": 0.22, stroke: color, "stroke-dasharray": outcome === "unknown" ? "4 3" : "none" }));
  const room = Math.floor((Math.max(5, to - from) - 8) / 6.2);
  if (room >= 4) made.append(element("text", { x: from + 5, y: y + 14 }, says.length > room ? says.slice(0, room - 1) + "…" : says));
  made.addEventListener("click", () => show(call));
  return made;
}

function drawLegend() {
  const signs = [["role", "became something else"], ["commit", "committed"], ["save", "disk"], ["crash", "crashed"], ["restart", "started again"], ["violation", "the violation"]];
  const life = [["leader", "leads"], ["candidate", "asks for votes"], ["follower", "follows"]];
  byId("legend").replaceChildren(
    ...life.map(([role, text]) => element("span", {}, element("svg", { width: 20, height: 20 }, element("line", { x1: 10, x2: 10, y1: 0, y2: 20, ...lifeStyle({ role, term: 1, paused: false }) })), text)),
    ...signs.map(([kind, text]) => element("span", {}, element("svg", { width: 20, height: 20 }, sign(kind, 10, 10, "var(--term-1)")), text)),
    element("span", {}, "Colours are terms. In the logs: filled is committed, a dot applied, pale not yet durable."),
  );
}

function show(at) {
  view.at = at;
  const { who } = events[at];
  if ((view.onlySlice && !inSlice.has(at)) || view.hidden.has(who)) {
    view.onlySlice = view.onlySlice && inSlice.has(at);
    view.hidden.delete(who);
    drawAll();
  } else drawMoment();
  bringIntoView();
}
function bringIntoView() {
  const [box, row] = [byId("diagram"), byId("rows").querySelector(".now")];
  if (row === null) return;
  const [top, bottom] = [row.offsetTop, row.offsetTop + 2 * ROW];
  if (top < box.scrollTop || bottom + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top - box.clientHeight / 2;
}
function step(by) {
  const row = view.rows.findLastIndex((at) => at <= view.at);
  const next = view.rows[Math.min(view.rows.length - 1, Math.max(0, row + by))];
  if (next !== undefined) show(next);
}

byId("first").addEventListener("click", () => step(-Infinity));
byId("back").addEventListener("click", () => step(-1));
byId("forward").addEventListener("click", () => step(1));
byId("last").addEventListener("click", () => step(Infinity));
byId("slider").addEventListener("input", (event) => show(view.rows[Number(event.target.value)]));
byId("slice").addEventListener("change", (event) => { view.onlySlice = event.target.checked; drawAll(); bringIntoView(); });
byId("slice-label").hidden = violation === null;
byId("rows").addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (row !== null) show(Number(row.dataset.event));
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = { ArrowLeft: -1, ArrowUp: -1, k: -1, ArrowRight: 1, ArrowDown: 1, j: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
  if (!(event.key in steps)) return;
  event.preventDefault();
  step(steps[event.key]);
});
for (const name of lanes) {
  const chip = element("button", { class: "chip", "aria-pressed": "true", title: "show or hide " + name }, name);
  chip.addEventListener("click", () => {
    if (!view.hidden.delete(name)) view.hidden.add(name);
    drawAll();
  });
  byId("members").append(chip);
}
if (all > events.length) document.querySelector(".facts").append(element("span", {}, events.length + " of " + all + " are shown"));
drawLegend();
drawAll();
bringIntoView();
`;
