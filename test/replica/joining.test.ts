import { afterEach, expect, test } from "vitest";
import { isProvisionalName } from "../../src/replica/members/identity.ts";
import { decodeTicket } from "../../src/replica/members/ticket.ts";
import { reasonOf, TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;

afterEach(() => cluster.stopAll());

async function started(size: number): Promise<TestCluster> {
  cluster = new TestCluster(size, {}, { snapshotEntries: 50, trailingEntries: 5 });
  await cluster.startAll();
  return cluster;
}

test("a member that is to vote becomes a voter by itself, once it has caught up", async () => {
  await started(1);
  for (let count = 0; count < 100; count++) await cluster.leader.propose({ add: 1 });
  const ticket = await cluster.leader.cluster.add({ name: "n2", address: "", votes: true });
  // Until it has started it costs nobody a quorum.
  await cluster.leader.propose({ add: 1 });
  expect(cluster.leader.status().membership.voters).toHaveLength(1);

  const added = await cluster.start("n2", ticket);
  await until(() => added.status().membership.voters.includes(added.id), "it votes");
  expect(await added.query()).toBe(101);
});

test("a member that is not to vote stays a learner until it is promoted", async () => {
  await started(1);
  const added = await cluster.start("n2", await cluster.leader.cluster.add({ name: "n2", address: "" }));
  await until(
    () => added.status().members.every(({ store }) => store !== undefined),
    "its store is agreed on",
  );
  expect(added.status().membership.learners).toEqual([added.id]);
  expect(added.status().members.find(({ name }) => name === "n2")?.votes).toBe(false);
  await added.cluster.promote("n2");
  expect(added.status().members.find(({ name }) => name === "n2")?.votes).toBe(true);
});

test("a member may be added without a name, and takes it before it starts", async () => {
  await started(3);
  const { cluster: group } = cluster.leader;
  await group.add({ address: "first:1" });
  await group.add({ address: "second:1" });
  const unnamed = group.members.filter(({ name }) => isProvisionalName(name));
  expect(unnamed.map(({ address }) => address).sort()).toEqual(["first:1", "second:1"]);

  // Everything else goes on meanwhile, though nobody can reach them.
  for (let count = 0; count < 100; count++) await cluster.leader.propose({ add: 1 });
  const [first, second] = unnamed;
  await cluster.followers[0]!.cluster.update(first!.name, { name: "n4" });
  expect(group.members.find(({ id }) => id === first!.id)?.name).toBe("n4");
  expect(await reasonOf(group.update(second!.name, { name: "n4" }))).toBe("there is a member named n4");
  await group.remove(second!.name);
  expect(group.members.map(({ name }) => name)).toEqual(expect.arrayContaining(["n1", "n2", "n3", "n4"]));
});

test("two who want the same name at once do not both get it", async () => {
  await started(3);
  const { cluster: group } = cluster.leader;
  await group.add({ address: "first:1" });
  await group.add({ address: "second:1" });
  const unnamed = group.members.filter(({ name }) => isProvisionalName(name));
  const groups = cluster.followers.map((follower) => follower.cluster);
  await until(() => groups.every(({ members }) => members.length === 5), "all know of both");
  await Promise.all(unnamed.map(({ name }, at) => groups[at]!.update(name, { name: "n4" })));
  await until(() => group.members.some(({ name }) => name === "n4"), "one has it");
  expect(group.members.filter(({ name }) => name === "n4")).toHaveLength(1);
  expect(group.members.filter(({ name }) => isProvisionalName(name))).toHaveLength(1);
});

test("what is told of a member reaches all, and a snapshot carries it", async () => {
  await started(3);
  const [follower] = cluster.followers;
  const news = { clients: ["http://10.0.0.1:2379"] };
  await follower!.cluster.update(follower!.name, news);
  const known = () =>
    [...cluster.members.values()].map(({ cluster: group }) =>
      group.members.find(({ name }) => name === follower!.name),
    );
  await until(() => known().every((member) => member?.clients.length === 1), "all know");
  for (let count = 0; count < 120; count++) await cluster.leader.propose({ add: 1 });
  await cluster.stop("n1");
  await cluster.start("n1");
  await until(() => known().every((member) => member?.clients[0] === news.clients[0]), "it is still known");
  // What a store has promised is not forgotten by news about something else.
  expect(known().every((member) => member?.store !== undefined)).toBe(true);
});

test("news of a member are bounded, and its ticket carries no more than it needs", async () => {
  await started(1);
  const { cluster: group } = cluster.leader;
  const many = Array.from({ length: 17 }, (_, at) => `http://h${at}:1`);
  await expect(group.update("n1", { clients: many })).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  await group.update("n1", { clients: many.slice(1) });
  const ticket = await group.add({ name: "n2", address: "n2:1" });
  expect(ticket.length).toBeLessThan(500);
  expect(decodeTicket(ticket).members.map(({ clients }) => clients)).toEqual([[], []]);
});
