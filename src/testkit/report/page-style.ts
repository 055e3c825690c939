/** Colours stand for terms; the same in light and in dark, but for how bright they are. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2126; --soft: #6a717b; --line: #e2dfd8; --row: #f1eee7;
  --accent: #b3261e; --accent-soft: #fbe9e7; --good: #2a7d4f; --good-soft: #e4f3ea; --unsure: #b7791f;
  --arrow: #9aa1ab; --mark: #dbe8ff; --group-0: #5b8def1c; --group-1: #e0913b24; --group-2: #59a86924;
  --term-0: #9aa1ab; --term-1: #3b6fd4; --term-2: #c2701c; --term-3: #2f8f5b; --term-4: #a0429f; --term-5: #0e8a9a;
  --term-6: #b8405e; --term-7: #6d6ad0; --term-8: #7c7a21;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --card: #1c2026; --ink: #e4e6e9; --soft: #949ca7; --line: #2e343c; --row: #22272e;
    --accent: #ff8a80; --accent-soft: #3a2322; --good: #6fcf97; --good-soft: #1d3327; --unsure: #e5b567;
    --arrow: #6b7480; --mark: #263650; --group-0: #5b8def26; --group-1: #e0913b26; --group-2: #59a86926;
    --term-0: #6b7480; --term-1: #7aa5ff; --term-2: #f0a259; --term-3: #62c78f; --term-4: #d583d4; --term-5: #4fc3d1;
    --term-6: #ef8299; --term-7: #a5a2f5; --term-8: #c5c25a;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 14px/1.45 system-ui, sans-serif; }
h1 { font-size: 20px; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 12px; margin: 0 0 8px; color: var(--soft); font-weight: 600; letter-spacing: 0.04em; }
code, .time, .cell, #moment { font-family: ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace; font-size: 12px; }
header { padding: 20px 24px 12px; max-width: 1500px; margin: 0 auto; }
.facts { margin: 2px 0 12px; color: var(--soft); }
.facts span + span::before { content: " · "; }
.verdict { margin: 0 0 8px; padding: 10px 14px; border-radius: 8px; border-left: 4px solid; white-space: pre-wrap; }
.verdict.bad { background: var(--accent-soft); border-color: var(--accent); }
.verdict.bad b { color: var(--accent); margin-right: 6px; }
.verdict.good { background: var(--good-soft); border-color: var(--good); }
.replay { margin: 0; color: var(--soft); }
.replay code { color: var(--ink); user-select: all; }
nav { position: sticky; top: 0; z-index: 3; display: flex; flex-wrap: wrap; gap: 8px; align-items: center; padding: 8px 24px;
  background: var(--card); border-block: 1px solid var(--line); }
nav > * { flex: none; }
nav button, .chip { letter-spacing: normal; font: inherit; font-size: 13px; color: var(--ink); background: var(--row); border: 1px solid var(--line);
  border-radius: 6px; padding: 3px 9px; cursor: pointer; }
nav button:hover, .chip:hover { border-color: var(--soft); }
nav input[type=range] { flex: 1 1 160px; min-width: 120px; accent-color: var(--term-1); }
#moment { min-width: 15ch; color: var(--soft); }
.chip[aria-pressed=false] { opacity: 0.45; text-decoration: line-through; }
#members { display: flex; flex-wrap: wrap; gap: 4px; }
main { display: grid; grid-template-columns: minmax(0, 1.6fr) minmax(340px, 1fr); gap: 16px; padding: 16px 24px 40px;
  max-width: 1500px; margin: 0 auto; align-items: start; }
main section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; }
aside { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; position: sticky; top: 60px; }
#diagram { position: relative; padding: 0; height: 70vh; overflow: auto; outline-offset: 2px; }
@media (max-width: 900px) { main { grid-template-columns: minmax(0, 1fr); } }
@media (min-width: 901px) {
  body { height: 100vh; display: flex; flex-direction: column; }
  header, main { width: 100%; }
  main { flex: 1; min-height: 460px; grid-template-rows: minmax(0, 1fr); align-items: stretch; padding-bottom: 16px; }
  #diagram { height: auto; }
  aside { position: static; align-content: start; overflow: auto; }
}
#lanes { position: sticky; top: 0; z-index: 2; display: flex; height: 30px; background: var(--card);
  border-bottom: 1px solid var(--line); }
#lanes span { text-align: center; font-weight: 600; line-height: 30px; flex: none; overflow: hidden; text-overflow: ellipsis; }
#lanes .client { color: var(--soft); font-weight: 400; }
#rows { position: relative; }
#rows svg { position: absolute; left: 0; top: 0; pointer-events: none; }
.veil { position: absolute; bottom: 0; background: var(--card); opacity: 0.6; pointer-events: none; }
.row { display: flex; height: 24px; line-height: 24px; cursor: pointer; white-space: nowrap; }
.row:hover { background: var(--row); }
.row.now { background: var(--mark); }
.row.later { opacity: 0.38; }
.row .time { width: 76px; text-align: right; padding-right: 12px; color: var(--soft); flex: none; }
.row .space { flex: none; }
.row .what { flex: 1; min-width: 0; padding: 0 16px 0 8px; overflow: hidden; text-overflow: ellipsis; }
.row .what b { font-weight: 600; margin-right: 6px; }
.row.fault .what, .row.violation .what { color: var(--accent); }
.row.violation .what { font-weight: 600; }
.row.send .what, .row.receive .what, .row.save .what, .row.apply .what { color: var(--soft); }
.row.receive .what b, .row.send .what b, .row.save .what b, .row.apply .what b { color: var(--ink); font-weight: 500; }
#event dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 0; }
#event dt { color: var(--soft); }
#event dd { margin: 0; overflow-wrap: anywhere; }
#event button { font: inherit; background: none; border: 0; padding: 0; color: var(--term-1); cursor: pointer; text-align: left; }
#logs { overflow-x: auto; }
#logs table { border-collapse: separate; border-spacing: 2px; }
#logs th { font-weight: 600; text-align: left; padding-right: 8px; white-space: nowrap; }
#logs th small { font-weight: 400; color: var(--soft); }
#logs thead th { font-weight: 400; color: var(--soft); text-align: center; padding: 0; font-size: 11px; min-width: 26px; }
.cell { text-align: center; min-width: 26px; height: 24px; border-radius: 4px; border: 1.5px dashed; position: relative; }
.cell.committed { border-style: solid; color: var(--card) !important; }
.cell.empty { border-color: transparent; }
.cell.cut { border-color: var(--line); background: repeating-linear-gradient(45deg, var(--line) 0 3px, transparent 3px 7px); }
.cell.unsaved { opacity: 0.55; }
.cell.applied::after { content: ""; position: absolute; left: 50%; bottom: 1px; width: 4px; height: 4px; margin-left: -2px;
  border-radius: 2px; background: currentColor; }
tr.down th, tr.down td { opacity: 0.4; }
#clients svg { display: block; width: 100%; }
#clients .bar { cursor: pointer; }
#clients text { font-size: 11px; fill: var(--ink); }
#clients .name { fill: var(--soft); }
#legend { display: flex; flex-wrap: wrap; gap: 4px 16px; color: var(--soft); font-size: 12px; }
#legend svg { vertical-align: -4px; margin-right: 5px; }
.none { color: var(--soft); margin: 0; }
`;
