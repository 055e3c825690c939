/**
 * Where does the time of a put go? Three members in three processes, callers in the leader; the processor time of the leader
 * and of a follower by function, and what each allocates for a put.
 *
 *     npm run bench -- profile [--load put] [--callers 100] [--members 3] [--seconds 5] [--top 25] [--json]
 *
 * `--load` is put, get, mixed or range. Profiling itself takes a part of the speed.
 */
import type { Kind } from "./process/member.ts";
import { type Measurement, report } from "./report.ts";
import { numberOption, textOption } from "./support/options.ts";
import type { Profile } from "./support/profiler.ts";
import { QuorateCluster } from "./support/quorate-cluster.ts";
import { KEYS } from "./support/shape.ts";

const kind = textOption("load", "put") as Kind;
const callers = numberOption("callers", 100);
const milliseconds = numberOption("seconds", 5) * 1000;
const top = numberOption("top", 25);

const cluster = await QuorateCluster.start(numberOption("members", 3));
const { leader, followers } = cluster;
await leader.ask("fill", 0, KEYS);
await leader.ask("load", kind, callers, milliseconds);
const undisturbed = await leader.ask("load", kind, callers, milliseconds);

const profiled = [leader, ...followers.slice(0, 1)];
for (const member of profiled) await member.ask("profile");
const { perSecond } = await leader.ask("load", kind, callers, milliseconds);
const calls = (perSecond * milliseconds) / 1000;
const profiles = await Promise.all(profiled.map((member) => member.ask("endProfile")));

report(`Where does the time of a ${kind} go? ${callers} callers in the leader.`, [
  { name: "without the profiler", value: undisturbed.perSecond, unit: "per second" },
  { name: "with it", value: perSecond, unit: "per second" },
  ...profiles.flatMap((profile, at) => rows(at === 0 ? "leader" : "follower", profile)),
]);
process.exit();

function rows(who: string, { time, bytes }: Profile): Measurement[] {
  const allocated = bytes.reduce((sum, [, size]) => sum + size, 0);
  return [
    ...time.slice(0, top).map(([place, share]) => ({
      name: `${who}: ${place}`,
      value: 100 * share,
      unit: "% of the time",
    })),
    { name: `${who}: everything`, value: allocated / calls, unit: "bytes allocated per call" },
    ...bytes.slice(0, top).map(([place, size]) => ({
      name: `${who}: ${place}`,
      value: size / calls,
      unit: "bytes allocated per call",
    })),
  ];
}
