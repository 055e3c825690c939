import { afterEach, expect, test } from "vitest";
import { reasonOf, TestCluster, until } from "./test-cluster.ts";

let cluster: TestCluster;

afterEach(() => cluster.stopAll());

async function started(size: number): Promise<TestCluster> {
  cluster = new TestCluster(size, {}, { snapshotEntries: 50, trailingEntries: 5 });
  await cluster.startAll();
  return cluster;
}

test("a member that is added learns, is made a voter, and carries on when others go", async () => {
  await started(3);
  for (let count = 0; count < 100; count++) await cluster.leader.propose({ add: 1 });

  // Any member can be asked.
  const [follower] = cluster.followers;
  const ticket = await follower!.cluster.add({ name: "n4", address: "" });
  const added = await cluster.start("n4", ticket);
  expect(await added.query()).toBe(100);
  expect(added.status().membership.learners).toEqual([added.id]);

  await added.cluster.promote("n4");
  expect(added.status().membership.voters).toContain(added.id);

  // Three of four are a majority, and the new one is among them.
  await cluster.stop(follower!.name);
  await added.propose({ add: 1 });
  expect(await cluster.leader.query()).toBe(101);
});

test("a member that was added starts again with its ticket, from its own disk", async () => {
  await started(1);
  const ticket = await cluster.leader.cluster.add({ name: "n2", address: "" });
  await cluster.start("n2", ticket);
  await cluster.members.get("n2")!.cluster.promote("n2");
  await cluster.leader.propose({ add: 5 });
  await cluster.stop("n2");
  const again = await cluster.start("n2", ticket);
  expect(await again.query()).toBe(5);
});

test("a member that is removed stops, and the others go on without it", async () => {
  await started(3);
  const { leader, followers } = cluster;
  const [gone, other] = followers;
  await other!.cluster.remove(gone!.name);
  await leader.propose({ add: 1 });
  expect(leader.status().members.map(({ name }) => name)).not.toContain(gone!.name);
  expect(leader.status().membership.voters).toHaveLength(2);
  await until(
    () => gone!.status().state === "failed" || gone!.status().leader === undefined,
    "the removed member to stop",
  );
});

test("a leader that is removed hands over first", async () => {
  await started(3);
  const { leader, followers } = cluster;
  await followers[0]!.cluster.remove(leader.name);
  await followers[0]!.propose({ add: 1 });
  expect(await followers[1]!.query()).toBe(1);
  expect(followers[0]!.status().leader).not.toBe(leader.name);
});

test("a removed member refuses its users at once, and stays until a majority of the others knows", async () => {
  await started(3);
  const { leader, followers } = cluster;
  const [away, other] = followers;
  await cluster.stop(away!.name);
  await other!.cluster.remove(leader.name);

  // The one that is away will need two votes of three, or the news that two are enough.
  await until(() => leader.status().state === "leaving", "the removed member to know");
  const refusal = { code: "ERR_MEMBERSHIP", outcome: "none", details: { reason: "removed" } };
  await expect(leader.propose({ add: 1 })).rejects.toMatchObject(refusal);
  await expect(leader.barrier()).rejects.toMatchObject(refusal);

  const error = new Promise((resolve) => leader.once("error", resolve));
  await cluster.start(away!.name);
  await other!.propose({ add: 1 });
  expect(await error).toMatchObject({ code: "ERR_MEMBERSHIP", details: { reason: "removed" } });
  expect(leader.status().state).toBe("failed");
});

test("a removed member may be closed before it has left", async () => {
  await started(3);
  const { leader, followers } = cluster;
  await cluster.stop(followers[0]!.name);
  await followers[1]!.cluster.remove(leader.name);
  await until(() => leader.status().state === "leaving", "the removed member to know");
  await leader.close();
  expect(leader.status().state).toBe("closed");
});

test("a removed member that is started again leaves again", async () => {
  await started(3);
  const { leader, followers } = cluster;
  await cluster.stop(followers[0]!.name);
  await followers[1]!.cluster.remove(leader.name);
  await until(() => leader.status().state === "leaving", "the removed member to know");
  await cluster.stop(leader.name);
  const again = await cluster.start(leader.name);
  await until(() => again.status().state === "leaving", "it to know again");
  await cluster.start(followers[0]!.name);
  await until(() => again.status().state === "failed", "it to leave");
});

test("a change that makes no sense is refused with its reason", async () => {
  await started(1);
  const { leader } = cluster;
  expect(await reasonOf(leader.cluster.add({ name: "n1", address: "" }))).toBe("there is a member named n1");
  expect(await reasonOf(leader.cluster.remove("n9"))).toBe("there is no member named n9");
  expect(await reasonOf(leader.cluster.remove("n1"))).toMatch(/^invalid-change/);
});

test("a ticket is for one name, and not everything is a ticket", async () => {
  await started(1);
  const ticket = await cluster.leader.cluster.add({ name: "n2", address: "" });
  await expect(cluster.start("n3", ticket)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
  await expect(cluster.start("n2", "no ticket")).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
});
