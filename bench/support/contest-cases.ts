import type { Kind } from "../process/member.ts";
import type { Contest } from "./contest.ts";
import { withCpu } from "./contest.ts";
import {
  eventsIn,
  PUT_PATH,
  putRequest,
  RANGE_PATH,
  rangeRequest,
  WATCH_PATH,
  watchRequest,
} from "./etcd-wire.ts";
import { GrpcClient } from "./grpc-client.ts";
import { closedLoop, type Sample } from "./load.ts";
import type { Contender } from "./rounds.ts";
import { scattered, VALUE } from "./shape.ts";

/** One question of the contest. The first contender is what the others are compared with. */
export interface Case {
  readonly name: string;
  readonly unit: string;
  contenders(contest: Contest): Contender[];
}

/** Reads come first, while etcd is freshly started. */
export const CASES: readonly Case[] = [
  ...[1, 100, 1000].map((callers) => calls("get", callers)),
  mixed(100),
  calls("range", 1),
  ...[1, 100, 1000].map((callers) => calls("put", callers)),
  ...[100, 1000].map(watchers),
];

export const NAMES = {
  etcd: "etcd",
  npm: "etcd under npm's etcd3",
  go: "etcd under clientv3",
  leader: "embedded",
  follower: "embedded, in a follower",
  front: "our etcd front",
  frontNpm: "our etcd front under npm's etcd3",
  frontGo: "our etcd front under clientv3",
};

/** What is compared with etcd under the clients that programs use, beside the comparison under h2load. */
export const UNDER_CLIENTS: readonly Pair[] = [
  { title: "embedded to etcd under npm's etcd3", over: NAMES.leader, under: NAMES.npm },
  { title: "our etcd front to etcd, both under npm's etcd3", over: NAMES.frontNpm, under: NAMES.npm },
  { title: "embedded to etcd under clientv3", over: NAMES.leader, under: NAMES.go },
  { title: "our etcd front to etcd, both under clientv3", over: NAMES.frontGo, under: NAMES.go },
];

interface Pair {
  readonly title: string;
  readonly over: string;
  readonly under: string;
}

function calls(kind: "put" | "get" | "range", callers: number): Case {
  return {
    name: `${kind}@${callers}`,
    unit: "per second",
    contenders: (contest) => {
      const { etcd, ours, front } = contest;
      const theirs: Side = {
        names: { h2load: NAMES.etcd, npm: NAMES.npm, go: NAMES.go },
        pids: () => etcd.pids,
        port: () => etcd.leaderPort,
      };
      const served: Side = {
        names: { h2load: NAMES.front, npm: NAMES.frontNpm, go: NAMES.frontGo },
        pids: () => ours.pids,
        port: () => portOf(contest),
      };
      return [
        ...overTheWire(contest, theirs, kind, callers),
        ...embedded(contest, kind, callers),
        ...("port" in front ? overTheWire(contest, served, kind, callers) : []),
      ];
    },
  };
}

/** Who is loaded over the wire, and what that is called under each driver. */
interface Side {
  readonly names: { readonly h2load: string; readonly npm: string; readonly go: string };
  pids(): number[];
  port(): number;
}

/** The drivers in turns. Programs' clients are left out where they would only repeat what fewer callers showed. */
function overTheWire(
  contest: Contest,
  { names, pids, port }: Side,
  kind: "put" | "get" | "range",
  callers: number,
): Contender[] {
  const { goClient } = contest;
  const counted = (name: string, load: (milliseconds: number) => Promise<Sample>): Contender => ({
    name,
    run: (milliseconds) => withCpu(pids(), () => load(milliseconds)),
  });
  const h2load = counted(names.h2load, (length) => contest.h2load(kind, port(), callers, length));
  if (kind === "range") return [h2load];
  const isForNpm = callers <= 100;
  const isForGo = callers <= 100 || kind === "put";
  return [
    h2load,
    ...(isForNpm ? [npmClient(names.npm, kind, callers, port)] : []),
    ...(isForGo && goClient !== null
      ? [counted(names.go, (length) => goClient(kind, port(), callers, length))]
      : []),
  ];
}

/** Four gets to a put, of all keys, by a client of our own: h2load repeats one request. */
function mixed(callers: number): Case {
  return {
    name: `mixed@${callers}`,
    unit: "per second",
    contenders: (contest) => {
      const wire = (name: string, port: () => number): Contender => ({
        name,
        run: async (milliseconds) => {
          const client = new GrpcClient(port());
          const sample = await closedLoop(callers, milliseconds, (at) => {
            const isPut = at % 5 === 0;
            const key = scattered(at);
            return isPut
              ? client.call(PUT_PATH, putRequest(key, VALUE))
              : client.call(RANGE_PATH, rangeRequest(key));
          });
          client.close();
          return sample;
        },
      });
      return [
        wire(NAMES.etcd, () => contest.etcd.leaderPort),
        ...embedded(contest, "mixed", callers),
        ...("port" in contest.front ? [wire(NAMES.front, () => portOf(contest))] : []),
      ];
    },
  };
}

function embedded({ ours }: Contest, kind: Kind, callers: number): Contender[] {
  const inside = (name: string, member: () => typeof ours.leader): Contender => ({
    name,
    run: (milliseconds) => withCpu(ours.pids, () => member().ask("load", kind, callers, milliseconds)),
  });
  const inFollower = inside(NAMES.follower, () => ours.followers[0]!);
  return [inside(NAMES.leader, () => ours.leader), ...(ours.followers.length > 0 ? [inFollower] : [])];
}

/** What a Node program uses today, in this process. */
function npmClient(name: string, kind: "put" | "get", callers: number, port: () => number): Contender {
  return {
    name,
    run: async (milliseconds) => {
      const { Etcd3 } = await import("etcd3");
      const client = new Etcd3({ hosts: `http://127.0.0.1:${port()}` });
      const call = {
        put: (at: number) => client.put(scattered(at)).value(VALUE).exec(),
        get: (at: number) => client.get(scattered(at)).string(),
      }[kind];
      const sample = await closedLoop(callers, milliseconds, call);
      client.close();
      return sample;
    },
  };
}

/** So many watch every key, while a hundred callers put: events that arrive in a second, all watchers together. */
function watchers(count: number): Case {
  return {
    name: `watch@${count}`,
    unit: "events per second",
    contenders: (contest) => {
      const { ours } = contest;
      const wire = (name: string, port: () => number): Contender => ({
        name,
        run: (milliseconds) => watched(contest, port(), count, milliseconds),
      });
      const inside: Contender = {
        name: NAMES.leader,
        run: async (milliseconds) => {
          await ours.leader.ask("watch", count);
          const before = await ours.leader.ask("events");
          const sample = await ours.leader.ask("load", "put", 100, milliseconds);
          const events = (await ours.leader.ask("events")) - before;
          await ours.leader.ask("watch", 0);
          return eventSample(sample, events, milliseconds);
        },
      };
      return [
        wire(NAMES.etcd, () => contest.etcd.leaderPort),
        inside,
        ...("port" in contest.front ? [wire(NAMES.front, () => portOf(contest))] : []),
      ];
    },
  };
}

/** A hundred watches to a stream, a stream to a connection. */
async function watched(contest: Contest, port: number, count: number, milliseconds: number): Promise<Sample> {
  let events = 0;
  const requests = Array.from({ length: Math.min(100, count) }, watchRequest);
  const clients = Array.from({ length: count / requests.length }, () => new GrpcClient(port));
  for (const client of clients) {
    client.stream(WATCH_PATH, requests, (response) => {
      events += eventsIn(response);
    });
  }
  const sample = await contest.h2load("put", port, 100, milliseconds);
  const counted = events;
  for (const client of clients) client.close();
  return eventSample(sample, counted, milliseconds);
}

function eventSample(puts: Sample, events: number, milliseconds: number): Sample {
  const nothing = Number.NaN;
  const perSecond = (events * 1000) / milliseconds;
  return { ...puts, perSecond, p50: nothing, p99: nothing, max: nothing, cpuMicros: nothing };
}

function portOf({ front }: Contest): number {
  if ("port" in front) return front.port;
  throw new Error(front.missing);
}
