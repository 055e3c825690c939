import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { rounded } from "../report.ts";

export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  readonly title: string;
  /** What the axes count. */
  readonly x: string;
  readonly y: string;
  readonly lines: readonly Line[];
}

const WIDTH = 640;
const HEIGHT = 360;
const LEFT = 70;
const RIGHT = 20;
const TOP = 50;
const BOTTOM = 50;
const COLOURS = ["#2f7ed8", "#d9622b", "#3a9d5d", "#8e5bc0"];

/** Readable on light and on dark pages. */
const STYLE = `text{font:12px system-ui,sans-serif;fill:#444}.title{font-size:15px;font-weight:600}
.grid{stroke:#8884;stroke-width:1}.line{fill:none;stroke-width:2}
@media (prefers-color-scheme:dark){text{fill:#ccc}}`;

/** Writes a drawing of how the values grow. The horizontal axis is logarithmic, the vertical one begins at nothing. */
export function writePlot(path: string, plot: Plot): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, drawing(plot));
}

function drawing({ title, x, y, lines }: Plot): string {
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(([at]) => at)))].sort((a, b) => a - b);
  const top = roundUp(Math.max(...lines.flatMap(({ points }) => points.map(([, value]) => value))));
  const [first, last] = [Math.log(xs[0]!), Math.log(xs.at(-1)!)];
  const across = (at: number): number =>
    LEFT + ((Math.log(at) - first) / (last - first || 1)) * (WIDTH - LEFT - RIGHT);
  const up = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);

  const grid = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const height = up(share * top).toFixed(1);
    return `<path class="grid" d="M${LEFT} ${height}H${WIDTH - RIGHT}"/>${label(LEFT - 8, Number(height) + 4, short(share * top), "end")}`;
  });
  const ticks = xs.map((at) => label(across(at), HEIGHT - BOTTOM + 18, short(at), "middle"));
  const drawn = lines.map(({ name, points }, at) => {
    const colour = COLOURS[at % COLOURS.length]!;
    const path = points.map(([px, py]) => `${across(px).toFixed(1)} ${up(py).toFixed(1)}`).join("L");
    const dots = points.map(
      ([px, py]) =>
        `<circle cx="${across(px).toFixed(1)}" cy="${up(py).toFixed(1)}" r="3" fill="${colour}"><title>${escaped(name)}: ${rounded(py)}</title></circle>`,
    );
    const place = LEFT + 10 + at * 150;
    const key = `<path class="line" stroke="${colour}" d="M${place} 38h18"/>${label(place + 24, 42, name, "start")}`;
    return `<path class="line" stroke="${colour}" d="M${path}"/>${dots.join("")}${key}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="${LEFT}" y="22">${escaped(title)}</text>`,
    ...[...grid, ...ticks, ...drawn],
    label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x, "middle"),
    `<text transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
    "</svg>\n",
  ].join("\n");
}

function label(x: number, y: number, text: string, anchor: "start" | "middle" | "end"): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped(text)}</text>`;
}

/** The next of 1, 2, 5, 10, 20, 50 and so on. */
function roundUp(value: number): number {
  const magnitude = 10 ** Math.floor(Math.log10(value || 1));
  return [1, 2, 5, 10].map((step) => step * magnitude).find((each) => each >= value)!;
}

function short(value: number): string {
  return value.toLocaleString("en", { notation: "compact", maximumSignificantDigits: 3 });
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
