/**
 * How does the store compare with etcd? Members on the same disk, in the same rounds, one of the two loaded at a time:
 * etcd under h2load, under the npm package etcd3 and under etcd's own client for Go; ours embedded, called in the leader's
 * process and in a follower's, and behind its own etcd front under the very same drivers. Keys of 8 bytes, values of 256.
 *
 *     npm run bench -- etcd [--members 1|3] [--seconds 4] [--rounds 5] [--only put@100,failover] [--large] [--json]
 *
 * `ETCD_BIN` names another etcd. `--large [--keys 1000000]` compares memory and restarts instead.
 */
import { type Measurement, report } from "./report.ts";
import { Contest } from "./support/contest.ts";
import { CASES, type Case, NAMES, UNDER_CLIENTS } from "./support/contest-cases.ts";
import { failover } from "./support/contest-failover.ts";
import { large } from "./support/contest-large.ts";
import { ETCD, hasEtcd } from "./support/etcd-cluster.ts";
import { isInterrupted } from "./support/interrupt.ts";
import type { Sample } from "./support/load.ts";
import { choiceOption, hasFlag, numberOption, progress } from "./support/options.ts";
import { ratio, ratios, round, Series } from "./support/rounds.ts";
import { isInstalled } from "./support/scratch.ts";
import { median, spread } from "./support/statistics.ts";

const members = numberOption("members", 3);
const milliseconds = numberOption("seconds", 4) * 1000;
const rounds = numberOption("rounds", 5);
const only = choiceOption("only", [...CASES.map(({ name }) => name), "failover"]);

type Found = ReadonlyMap<Case, readonly Series[]>;

if (!(await hasEtcd())) {
  console.log(`skipped: ${ETCD} is not installed (Debian: etcd-server), nor does ETCD_BIN name another one`);
} else if (!(await isInstalled("h2load", "--version"))) {
  console.log("skipped: h2load is not installed (Debian: nghttp2-client)");
} else if (hasFlag("large")) {
  report("How do lone members with many keys compare?", await large(numberOption("keys", 1_000_000), rounds));
} else {
  await compare();
}
process.exit();

async function compare(): Promise<void> {
  const contest = await Contest.start(members);
  if ("missing" in contest.front) progress(`without our etcd front: ${contest.front.missing}`);
  const found = await allCases(contest);
  const outages = isWanted("failover") && members > 1 ? await failover(contest, rounds) : [];
  const count = Math.max(0, ...[...found.values()].map(([first]) => first?.samples.length ?? 0));
  const cost = await costs(contest, found);
  await contest.stop();

  report(`How does the store compare with etcd? Members: ${members}. Median of ${count || rounds} rounds.`, [
    ...[...found].flatMap(([one, series]) => measurements(one, series)),
    ...outages,
    ...cost,
  ]);
  if (!hasFlag("json")) console.log(`\n${lastLine(found)}`);
}

/** A round goes through all cases. It begins with etcd freshly started, since reads of 3.4 suffer from many writes. */
async function allCases(contest: Contest): Promise<Found> {
  const cases = CASES.filter(({ name }) => isWanted(name));
  const contenders = cases.map((each) => each.contenders(contest));
  const found = new Map(cases.map((each, at) => [each, contenders[at]!.map(({ name }) => new Series(name))]));
  for (let at = 0; at < rounds && !isInterrupted(); at++) {
    await contest.refresh();
    for (const [place, each] of cases.entries()) {
      if (isInterrupted()) break;
      progress(`round ${at + 1} of ${rounds}: ${each.name}`);
      await round(contenders[place]!, found.get(each)!, milliseconds, milliseconds / 4);
    }
  }
  return new Map([...found].map(([each, series]) => [each, series.filter(hasSamples)]));
}

function hasSamples({ samples }: Series): boolean {
  return samples.length > 0;
}

function isWanted(name: string): boolean {
  return only.includes(name);
}

function measurements({ name, unit }: Case, series: readonly Series[]): Measurement[] {
  return [
    ...series.map((each) => each.measurement(`${name}, ${each.name}`, unit, series[0])),
    ...underClients(name, series),
  ];
}

/** The same rates beside those of etcd under what programs use to call it, which takes more of the machine than h2load. */
function underClients(name: string, series: readonly Series[]): Measurement[] {
  const named = (wanted: string): Series | undefined => series.find((each) => each.name === wanted);
  return UNDER_CLIENTS.flatMap((pair) => {
    const [over, under] = [named(pair.over), named(pair.under)];
    if (over === undefined || under === undefined) return [];
    const values = ratios(over, under, ({ perSecond }) => perSecond);
    const title = `${name}, ${pair.title}`;
    return [{ name: title, value: median(values), unit: "× the rate", spread: spread(values) }];
  });
}

/** What the load itself takes from the machine. */
async function costs({ ours }: Contest, found: Found): Promise<Measurement[]> {
  const unit = "µs CPU per call";
  const inside = await ours.leader.ask("loadCost", 100);
  const hundred = [...found].find(([{ name }]) => name === "put@100" || name === "get@100")?.[1] ?? [];
  const apart = [
    { name: "the load itself, h2load", series: hundred[0] },
    { name: "the load itself, clientv3", series: hundred.find((each) => each.name === NAMES.go) },
  ];
  return [
    { name: "the load itself, embedded", value: inside, unit },
    ...apart.flatMap(({ name, series }) =>
      series === undefined ? [] : [{ name, value: series.median(({ loadMicros }) => loadMicros), unit }],
    ),
  ];
}

function lastLine(found: Found): string {
  const compared = (name: string, whose: string, pick: (sample: Sample) => number): string => {
    const series = [...found].find(([each]) => each.name === name)?.[1];
    const one = series?.find((each) => each.name === whose);
    return one === undefined ? "-" : ratio(one, series![0]!, pick).toFixed(2);
  };
  const rate = ({ perSecond }: Sample): number => perSecond;
  return [
    `ratio put@100 embedded/etcd ${compared("put@100", NAMES.leader, rate)}`,
    `get@100 ${compared("get@100", NAMES.leader, rate)}`,
    `put@1 latency ${compared("put@1", NAMES.leader, ({ p50 }) => p50)}`,
    `wire put@100 ${compared("put@100", NAMES.front, rate)}`,
    `wire get@100 ${compared("get@100", NAMES.front, rate)}`,
  ].join(", ");
}
