import { Counter, Gauge, type MetricObject, Registry } from "prom-client";
import { afterEach, expect, test } from "vitest";
import { counter, gauge } from "../../../src/etcd/metrics/metric-series.ts";
import { formatSeries } from "../../../src/etcd/metrics/text-format.ts";
import { page } from "../support/http.ts";
import { serveStore } from "../support/served-store.ts";

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

test("a page is written as Prometheus' own client writes it", async () => {
  const registry = new Registry();
  const help = 'Odd text: a \\ backslash,\na line, "quotes".';
  const theirs = new Gauge({ name: "odd", help, labelNames: ["label", "other"], registers: [registry] });
  const values = [0, -1.5, 1e21, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const [at, value] of values.entries()) theirs.set({ label: `"${at}"\\\n`, other: "plain" }, value);
  new Counter({ name: "plain_total", help: "Plain.", registers: [registry] }).inc(3);
  const ours = formatSeries([
    gauge("odd", help, () => {
      return values.map((value, at) => [value, { label: `"${at}"\\\n`, other: "plain" }] as const);
    }),
    counter("plain_total", "Plain.", () => 3),
  ]);
  expect(ours).toBe(await registry.metrics());
});

test("collect gives a registry of one's own what the page shows, except the process", async () => {
  const served = await serveStore();
  stops.push(served.stop);
  await served.store.put("a", "1");
  const registry = new Registry();
  for (const { name } of served.server.collect()) {
    const get = async (): Promise<MetricObject> => {
      const { samples, ...metric } = served.server.collect().find((each) => each.name === name)!;
      const values = samples.map(({ name: metricName, labels, value }) => ({ metricName, labels, value }));
      return { ...metric, values, aggregator: "sum" } as unknown as MetricObject;
    };
    registry.registerMetric({ name, get } as never);
  }
  const theirs = (await registry.metrics()).split("\n");
  const ours = (await page(`http://${served.endpoint}/metrics`)).text.split("\n");
  const isOfProcess = (line: string): boolean => /^$|(^|# \w+ )(process|nodejs)_/.test(line);
  // What a series is called and labelled with; some values change from one read to the next.
  const named = (line: string): string => (line.startsWith("#") ? line : line.replace(/ \S+$/, ""));
  expect(theirs.filter((line) => line !== "").map(named)).toEqual(
    ours.filter((line) => !isOfProcess(line)).map(named),
  );
  expect(theirs).toContain("etcd_mvcc_put_total 1");
  expect(ours.some((line) => /^nodejs_eventloop_utilization [01]/.test(line))).toBe(true);
});
