import type { Durations } from "../../base/durations.ts";

/** Prometheus labels of one reading: names to values, unescaped. */
export type Labels = Readonly<Record<string, string>>;

/** A number, under the labels that tell it from others of its series. */
export type Reading = readonly [value: number, labels?: Labels];

/** Numbers of one name on Prometheus' page. They are read when somebody asks for the page, and cost nothing before. */
export interface Series {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  read(): Iterable<Sample>;
}

/** One line of the page. */
export interface Sample {
  readonly value: number;
  readonly labels: Labels;
  /** Where it is not the name of the series. */
  readonly metricName?: string;
}

/** A level, or several under labels. */
export function gauge(name: string, help: string, read: () => number | readonly Reading[]): Series {
  return { name, help, type: "gauge", read: () => samples(read()) };
}

/** What only grows while the member runs. */
export function counter(name: string, help: string, read: () => number | readonly Reading[]): Series {
  return { name, help, type: "counter", read: () => samples(read()) };
}

/** How long things took, in seconds. */
export function histogram(
  name: string,
  help: string,
  read: () => readonly (readonly [durations: Durations, labels?: Labels])[],
): Series {
  const lines = () => read().flatMap(([durations, labels = {}]) => durationSamples(name, durations, labels));
  return { name, help, type: "histogram", read: lines };
}

function samples(read: number | readonly Reading[]): Sample[] {
  const readings = typeof read === "number" ? [[read] as const] : read;
  return readings.map(([value, labels = {}]) => ({ value, labels }));
}

/** Buckets hold all that took no longer than their bound, the smaller ones included. */
function durationSamples(name: string, { boundsMs, counts, totalMs }: Durations, labels: Labels): Sample[] {
  let count = 0;
  const buckets = counts.map((more, at): Sample => {
    count += more;
    const bound = boundsMs[at];
    const le = bound === undefined ? "+Inf" : String(bound / 1000);
    return { metricName: `${name}_bucket`, value: count, labels: { ...labels, le } };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, value: totalMs / 1000, labels },
    { metricName: `${name}_count`, value: count, labels },
  ];
}
