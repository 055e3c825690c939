import type { Labels, Series } from "./metric-series.ts";

/** The media type of what `formatSeries` returns. */
export const TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8";

/** Returns the series as a page in Prometheus' text format, version 0.0.4. */
export function formatSeries(series: readonly Series[]): string {
  return series
    .map(({ name, help, type, read }) => {
      const lines = [...read()].map(({ metricName = name, labels, value }) => {
        return `${metricName}${formatLabels(labels)} ${formatValue(value)}\n`;
      });
      return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
    })
    .join("\n");
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => {
    return `${name}="${escaped(value).replaceAll('"', '\\"')}"`;
  });
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function formatValue(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
