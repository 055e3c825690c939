import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { etcdctl, eventually, hasEtcdctl, memberList, type Served, ServedWorld } from "./served.ts";

const TIMEOUT_MS = 120_000;

describe.skipIf(!hasEtcdctl)("quorate serve, by etcdctl (needs etcdctl)", () => {
  let world: ServedWorld;
  beforeEach(() => {
    world = new ServedWorld();
  });
  afterEach(() => world.end());

  async function leaderOf(servers: readonly Served[]): Promise<Served> {
    const statuses = await Promise.all(servers.map((server) => statusOf(server)));
    const leader = servers[statuses.findIndex(({ leads }) => leads)];
    if (leader === undefined) throw new Error("nobody leads");
    return leader;
  }

  async function statusOf(server: Served): Promise<{ leads: boolean; leader: string }> {
    const text = await etcdctl([server], "endpoint", "status", "-w", "json");
    const [{ Status }] = JSON.parse(text) as [{ Status: { header: { member_id: number }; leader?: number } }];
    const { leader = 0 } = Status;
    return { leads: leader !== 0 && leader === Status.header.member_id, leader: String(leader) };
  }

  test(
    "one member serves with a name and a directory, and goes on after SIGTERM where it was",
    async () => {
      const [place] = await world.places("n1");
      const flags = world.flags(place!, [place!]);
      const first = world.serve(place!, [...flags, "--logger=zap"]);
      await first.ready();
      expect(first.log).toContain("there is no flag --logger here: it has no effect");
      await etcdctl([first], "put", "k", "v");
      const [before] = await memberList([first]);
      expect(before).toMatchObject({ isStarted: true, name: "n1", peer: place!.peer, client: place!.client });
      expect(await first.end("SIGTERM")).toBe(0);

      // Flags that tell how a cluster begins have no effect any more; the environment serves as well as flags.
      const env = {
        ETCD_NAME: "n1",
        ETCD_DATA_DIR: join(world.directory, "n1"),
        ETCD_LISTEN_CLIENT_URLS: place!.client,
        ETCD_ADVERTISE_CLIENT_URLS: place!.client,
        ETCD_LISTEN_PEER_URLS: place!.peer,
        ETCD_INITIAL_ADVERTISE_PEER_URLS: place!.peer,
        ETCD_INITIAL_CLUSTER: `n1=${place!.peer},n9=http://127.0.0.1:1`,
        ETCD_INITIAL_CLUSTER_TOKEN: "another",
      };
      const second = world.serve(place!, [], env);
      await second.ready();
      expect(await etcdctl([second], "get", "k")).toBe("k\nv");
      expect((await memberList([second])).map(({ id }) => id)).toEqual([before!.id]);
    },
    TIMEOUT_MS,
  );

  test(
    "three members serve as one, and two go on when the leader is killed",
    async () => {
      const servers = await world.cluster("n1", "n2", "n3");
      expect((await memberList(servers)).map(({ name }) => name).sort()).toEqual(["n1", "n2", "n3"]);
      await etcdctl(servers, "put", "k", "1");
      for (const server of servers) expect(await etcdctl([server], "get", "k")).toBe("k\n1");

      const leader = await leaderOf(servers);
      const { leader: id } = await statusOf(leader);
      const others = servers.filter((server) => server !== leader);
      await leader.end("SIGKILL");
      const successor = await eventually(
        () => leaderOf(others),
        () => true,
      );
      expect((await statusOf(successor)).leader).not.toBe(id);
      await eventually(
        () => etcdctl(others, "put", "k", "2"),
        (answer) => answer === "OK",
      );

      const again = world.serve(
        leader.place,
        world.flags(
          leader.place,
          servers.map(({ place }) => place),
        ),
      );
      await again.ready();
      await eventually(
        () => etcdctl([again], "get", "k"),
        (answer) => answer === "k\n2",
      );
    },
    TIMEOUT_MS,
  );

  test(
    "a member joins as a voter by member add, and leaves by member remove",
    async () => {
      const servers = await world.cluster("n1");
      await etcdctl(servers, "put", "k", "v");
      const [place] = await world.places("n2");
      const added = await etcdctl(servers, "member", "add", "n2", `--peer-urls=${place!.peer}`);
      expect(added).toContain('ETCD_INITIAL_CLUSTER_STATE="existing"');
      const unstarted = (await memberList(servers)).find(({ isStarted }) => !isStarted);
      expect(unstarted).toMatchObject({ name: "", peer: place!.peer, isLearner: false });
      // What has not started yet costs the others nothing.
      expect(await etcdctl(servers, "put", "k", "w")).toBe("OK");

      // etcdctl prints what the newcomer is to be started with.
      const env = Object.fromEntries(
        [...added.matchAll(/^(ETCD_\w+)="(.*)"$/gm)].map(([, name, value]) => [name!, value!]),
      );
      const flags = world
        .flags(place!, [])
        .slice(0, -2)
        .filter((flag) => flag !== "--initial-cluster");
      const second = world.serve(place!, flags, env);
      await second.ready();
      expect(await etcdctl([second], "get", "k")).toBe("k\nw");
      const both = await eventually(
        () => memberList([second]),
        (members) => members.every(({ isStarted, client }) => isStarted && client !== ""),
      );
      expect(both.find(({ name }) => name === "n2")).toMatchObject({ id: unstarted!.id, peer: place!.peer });

      // It starts again by itself, and it votes: without it there is no quorum, with it there is one.
      await second.end("SIGTERM");
      const again = world.serve(place!, flags, env);
      await again.ready();
      await eventually(
        () => etcdctl([again], "put", "k", "x"),
        (answer) => answer === "OK",
      );

      await etcdctl(servers, "member", "remove", unstarted!.id);
      expect(await again.ended).toBe(0);
      expect(again.log).toContain("n2 was removed from the cluster");
      expect((await memberList(servers)).map(({ name }) => name)).toEqual(["n1"]);
      expect(await etcdctl(servers, "put", "k", "y")).toBe("OK");
    },
    TIMEOUT_MS,
  );

  test(
    "a member joins as a learner, and is promoted",
    async () => {
      const servers = await world.cluster("n1");
      const [place] = await world.places("n2");
      await etcdctl(servers, "member", "add", "n2", "--learner", `--peer-urls=${place!.peer}`);
      const flags = world.flags(place!, [servers[0]!.place, place!]);
      const learner = world.serve(place!, [...flags, "--initial-cluster-state", "existing"]);
      await learner.ready();
      const listed = await eventually(
        () => memberList(servers),
        (members) => members.some(({ name }) => name === "n2"),
      );
      const { id, isLearner } = listed.find(({ name }) => name === "n2")!;
      expect(isLearner).toBe(true);
      await eventually(
        () => etcdctl(servers, "member", "promote", id),
        () => true,
      );
      await eventually(
        () => memberList(servers),
        (members) => members.every((member) => !member.isLearner),
      );
    },
    TIMEOUT_MS,
  );

  test(
    "a member that moves is found again after member update",
    async () => {
      const servers = await world.cluster("n1", "n2", "n3");
      const moving = servers[2]!;
      const listed = (await memberList(servers)).find(({ name }) => name === "n3")!;
      await moving.end("SIGTERM");
      const [place] = await world.places("n3");
      await etcdctl(servers.slice(0, 2), "member", "update", listed.id, `--peer-urls=${place!.peer}`);
      const moved = world.serve(place!, world.flags(place!, [place!]));
      await moved.ready();
      await etcdctl(servers.slice(0, 2), "put", "k", "v");
      await eventually(
        () => etcdctl([moved], "get", "k"),
        (answer) => answer === "k\nv",
      );
      expect((await memberList([moved])).find(({ name }) => name === "n3")?.peer).toBe(place!.peer);
    },
    TIMEOUT_MS,
  );

  test(
    "whoever was not added cannot join, and is told why",
    async () => {
      const [server] = await world.cluster("n1");
      const [place] = await world.places("n2");
      const flags = world.flags(place!, [server!.place, place!]);
      const stranger = world.serve(place!, [...flags, "--initial-cluster-state", "existing"]);
      expect(await stranger.ended).toBe(1);
      expect(stranger.log).toContain("no member was added for n2");
      expect(existsSync(join(world.directory, "n2"))).toBe(false);
    },
    TIMEOUT_MS,
  );
});
