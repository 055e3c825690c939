import { checkCluster } from "./checks/check-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { type Failover, killLeader } from "./failover.ts";
import type { Manifests } from "./manifests.ts";
import type { Progress } from "./progress.ts";
import type { Report } from "./report.ts";
import { LOAD_NAMESPACE } from "./resources.ts";
import { until } from "./wait.ts";

const FAILOVERS = 3;
/** While one of the members is away, eight writers go on. */
const WRITERS_PER_MEMBER = 4;
const CREATE_LIMIT_MS = 60_000;
const SETTLE_LIMIT_MS = 30_000;

/** The main job: a cluster at work that loses its leader three times, and then accounts for all that it promised. */
export async function runJob(cluster: Cluster, manifests: Manifests, progress: Progress): Promise<Report> {
  const phase = <T>(name: string, work: () => Promise<T>, done: (result: T) => string) =>
    progress.phase(name, () => standing(cluster), work, done);

  await phase(
    "members",
    () => cluster.start(),
    () => `three processes run; ${leadership(cluster)}`,
  );
  await phase(
    "create",
    () => createAll(cluster, manifests),
    (count) => `${count} objects, through three API servers`,
  );
  await phase(
    "reconcile",
    () => reconcile(cluster),
    (pods) => `${pods} Pods are bound and running`,
  );

  await cluster.startWriters(WRITERS_PER_MEMBER);
  const failovers: Failover[] = [];
  for (let count = 1; count <= FAILOVERS; count += 1) {
    failovers.push(await phase(`failover ${count}`, () => killLeader(cluster), describeFailover));
  }

  await phase(
    "rest",
    () => rest(cluster),
    (pods) => `${pods} Pods are running, every Event has expired`,
  );
  const account = await phase(
    "check",
    () => checkCluster(cluster),
    ({ reads }) => `${reads} reads, hashes and watches agree`,
  );
  await phase(
    "close",
    () => cluster.close(),
    () => "every process has ended",
  );

  return {
    manifests: { files: manifests.files, objects: manifests.objects.length, problems: manifests.problems },
    failovers,
    ...account,
    seconds: progress.seconds,
  };
}

/** Lets the API server of each member create a share of the objects, all at the same time. */
async function createAll(cluster: Cluster, manifests: Manifests): Promise<number> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: LOAD_NAMESPACE } };
  const objects = [namespace, ...manifests.objects];
  const { names } = cluster;
  const shares = names.map((_, at) => objects.filter((_, index) => index % names.length === at));
  const answers = names.map((name, at) =>
    cluster.ask(name, "create", { objects: shares[at]! }, CREATE_LIMIT_MS),
  );
  return (await Promise.all(answers)).reduce((sum, { created }) => sum + created, 0);
}

async function reconcile(cluster: Cluster): Promise<number> {
  await cluster.startRoles();
  return await settled(cluster);
}

/** Ends all writing, in the order in which one causes another. */
async function rest(cluster: Cluster): Promise<number> {
  await cluster.stopWriters();
  const pods = await settled(cluster);
  await cluster.askAll("stopRoles", {});
  await until(
    () => "the last Event to expire",
    SETTLE_LIMIT_MS,
    async () => ((await cluster.ask("n1", "count", {})).objects["Event"] === undefined ? true : null),
  );
  return pods;
}

/** Waits until the roles have nothing left to do, and answers how many Pods run then. */
async function settled(cluster: Cluster): Promise<number> {
  let waiting: readonly string[] = [];
  return await until(
    () => `the roles to finish: ${waiting.join(", ")}`,
    SETTLE_LIMIT_MS,
    async () => {
      const standing = await cluster.ask("n1", "settlement", {});
      waiting = standing.waiting;
      return waiting.length === 0 ? standing.runningPods : null;
    },
  );
}

function standing(cluster: Cluster): string {
  const { acknowledged, revision, busyWriters } = cluster;
  return `${acknowledged} writes acknowledged, revision ${revision}, ${busyWriters} writers, ${leadership(cluster)}`;
}

function leadership({ leader }: Cluster): string {
  return leader === null ? "no leader" : `${leader.name} leads in term ${leader.term}`;
}

function describeFailover({ killed, busyWriters, leader, failoverMs, catchUpMs }: Failover): string {
  const loss = `${killed} killed under ${busyWriters} writers`;
  return `${loss}; ${leader} leads, first write after ${failoverMs} ms; ${killed} caught up in ${catchUpMs} ms`;
}
