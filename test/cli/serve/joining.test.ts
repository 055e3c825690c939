import { afterEach, expect, test } from "vitest";
import { freePorts } from "../../../examples/kubernetes/free-ports.ts";
import { open } from "../../../src/open.ts";
import { decodeTicket } from "../../../src/replica/members/ticket.ts";
import { requestTicket } from "../../../src/transport/tcp/tcp-ticket.ts";
import { tcp } from "../../../src/transport/tcp/tcp-transport.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function members(count: number) {
  const ports = await freePorts(count);
  const peers = Object.fromEntries(ports.map((port, at) => [`n${at + 1}`, `127.0.0.1:${port}`]));
  const limits = { tickMs: 20, electionTicks: 10 };
  const stores = await Promise.all(
    Object.keys(peers).map((name) => open({ name, peers, transport: tcp(), limits })),
  );
  ends.push(() => Promise.all(stores.map((store) => store.close())));
  await Promise.all(stores.map((store) => store.ready()));
  return Object.entries(peers).map(([name, address], at) => ({ name, address, store: stores[at]! }));
}

/** What a ticket says, but for the stores' tags: those are agreed on one by one, and one member knows them before another. */
function told(ticket: string): unknown {
  const { members, ...rest } = decodeTicket(ticket);
  return { ...rest, members: members.map(({ store: _, ...member }) => member) };
}

test("any member gives a ticket to a member that was added, by its address or its name, until it has started", async () => {
  const cluster = await members(3);
  const [port] = await freePorts(1);
  const address = `127.0.0.1:${port}`;
  const ask = (at: number, name: string, from = address): Promise<string> =>
    requestTicket({ newcomer: { name, address: from }, member: cluster[at]!, timeoutMs: 5_000 });

  await expect(ask(0, "n4")).rejects.toMatchObject({ code: "ERR_MEMBERSHIP" });
  await cluster[0]!.store.cluster.add({ address, votes: true });
  await expect(ask(0, "n4", "127.0.0.1:1")).rejects.toMatchObject({ code: "ERR_MEMBERSHIP" });

  const leader = cluster.find(({ store }) => store.status().role === "leader")!;
  const followers = [0, 1, 2].filter((at) => cluster[at] !== leader);
  await cluster[followers[0]!]!.store.ready();
  const ticket = await ask(followers[0]!, "n4");
  // Whoever did not hear the answer asks again, whom it likes; nobody else gets it.
  await cluster[followers[1]!]!.store.ready();
  expect(told(await ask(followers[1]!, "n4"))).toEqual(told(ticket));
  await expect(ask(followers[0]!, "n5")).rejects.toMatchObject({ code: "ERR_MEMBERSHIP" });

  const joined = await open({
    name: "n4",
    join: ticket,
    transport: tcp(),
    limits: { tickMs: 20, electionTicks: 10 },
  });
  ends.push(() => joined.close());
  await joined.ready();
  await cluster[0]!.store.put("a", "1");
  expect(await joined.get("a")).toBe("1");
  while (cluster[0]!.store.status().members.find(({ name }) => name === "n4")?.store == null)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await expect(ask(0, "n4")).rejects.toMatchObject({ code: "ERR_MEMBERSHIP" });
});
