import fc from "fast-check";
import { expect, test } from "vitest";
import type { Command } from "../../../src/kv/machine/command.ts";
import { decodeCommand, encodeCommand } from "../../../src/kv/machine/command-codec.ts";
import { KvMachine } from "../../../src/kv/machine/kv-machine.ts";
import { LEASE_TICK_MS, LeaseKeeper } from "../../../src/kv/upkeep/lease-keeper.ts";
import type { UpkeepMember } from "../../../src/kv/upkeep/upkeep-member.ts";
import { Applying, HandClock } from "../support.ts";

const grant = (lease: string, ttlMs = 6_000): Command => ({ kind: "lease-grant", lease, ttlMs });
const revoke = (lease: string): Command => ({ kind: "lease-revoke", lease, renewedAt: null });

/** Members that agree on one log at once, with one clock, and no leader but the one that is named. */
class Cluster {
  readonly clock = new HandClock();
  readonly log: Uint8Array[] = [];
  readonly members: Member[];
  leader: Member | null = null;

  constructor(size = 3) {
    this.members = Array.from({ length: size }, (_, at) => new Member(this, at + 1));
  }

  get leases(): number {
    return this.members[0]!.machine.leases.size;
  }

  /** How many commands of this kind were agreed on. */
  count(kind: Command["kind"]): number {
    return this.log.filter((bytes) => decodeCommand(bytes)?.kind === kind).length;
  }

  apply(command: Uint8Array): void {
    this.log.push(command);
    for (const member of this.members) member.catchUp();
  }

  do(...commands: readonly Command[]): void {
    for (const command of commands) this.apply(encodeCommand(command));
  }

  lead(member: Member | null): void {
    this.leader?.keeper.follow();
    this.leader = member;
    member?.keeper.lead();
  }

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= LEASE_TICK_MS) {
      await this.clock.pass(Math.min(left, LEASE_TICK_MS));
      this.leader?.keeper.tick();
    }
  }

  /** How long it takes until no lease is left. */
  async untilNone(handOver: (round: number) => void, everyMs: number, limitMs = 60_000): Promise<number> {
    const begun = this.clock.monotonic();
    for (let round = 0; this.leases > 0 && this.clock.monotonic() - begun < limitMs; round++) {
      handOver(round);
      await this.pass(everyMs);
    }
    return this.clock.monotonic() - begun;
  }
}

class Member implements UpkeepMember {
  readonly id: number;
  readonly #cluster: Cluster;
  machine!: KvMachine;
  keeper!: LeaseKeeper;
  #applying!: Applying;

  constructor(cluster: Cluster, id: number) {
    this.#cluster = cluster;
    this.id = id;
    this.restart();
  }

  get clock(): HandClock {
    return this.#cluster.clock;
  }

  get isLeader(): boolean {
    return this.#cluster.leader === this;
  }

  /** Forgets everything but the log. */
  restart(): void {
    if (this.isLeader) this.#cluster.lead(null);
    this.machine = new KvMachine();
    this.#applying = new Applying(this.machine);
    this.keeper = new LeaseKeeper(this, this.machine);
    this.catchUp();
  }

  catchUp(): void {
    for (const command of this.#cluster.log.slice(this.#applying.index)) this.#applying.bytes(command);
  }

  propose(command: Uint8Array, settled: () => void): void {
    this.#cluster.apply(command);
    settled();
  }

  on(): void {}

  off(): void {}
}

test("a lease that nobody renews ends, however often leaders change: their graces do not add up", async () => {
  const cluster = new Cluster();
  cluster.lead(cluster.members[0]!);
  cluster.do(grant("1"));
  const lived = await cluster.untilNone((round) => cluster.lead(cluster.members[round % 3]!), 1_500);
  expect(lived).toBeGreaterThanOrEqual(6_000);
  expect(lived).toBeLessThanOrEqual(6_000 * (5 / 3) + 1_500);
});

test("whatever the rhythm of the changes, a lease lives its time, and two thirds of it more at most", async () => {
  const change = fc.record({
    to: fc.nat(2),
    leaderlessMs: fc.nat(400),
    afterMs: fc.integer({ min: 600, max: 4_000 }),
  });
  const changes = fc.array(change, { minLength: 1, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1_000, max: 20_000 }), changes, async (ttlMs, rounds) => {
      const cluster = new Cluster();
      cluster.lead(cluster.members[0]!);
      cluster.do(grant("1", ttlMs));
      const begun = cluster.clock.monotonic();
      let leaderlessMs = 0;
      for (let round = 0; cluster.leases > 0 && round < 200; round++) {
        const { to, leaderlessMs: gap, afterMs } = rounds[round % rounds.length]!;
        cluster.lead(null);
        await cluster.pass(gap);
        leaderlessMs += gap;
        cluster.lead(cluster.members[to]!);
        for (let left = afterMs; left > 0 && cluster.leases > 0; left -= LEASE_TICK_MS)
          await cluster.pass(LEASE_TICK_MS);
      }
      const lived = cluster.clock.monotonic() - begun;
      expect(cluster.leases).toBe(0);
      expect(lived).toBeGreaterThanOrEqual(ttlMs);
      expect(lived - leaderlessMs).toBeLessThanOrEqual(ttlMs * (5 / 3) + 5 * LEASE_TICK_MS);
    }),
    { numRuns: 100 },
  );
});

test("a new leader that has just started goes on from what the last one has written down", async () => {
  const cluster = new Cluster();
  cluster.lead(cluster.members[0]!);
  cluster.do(grant("1"));
  const lived = await cluster.untilNone((round) => {
    // Whoever leads next had a second to count since it started.
    cluster.members[(round + 1) % 3]!.restart();
    cluster.lead(cluster.members[round % 3]!);
  }, 1_000);
  expect(lived).toBeGreaterThanOrEqual(6_000);
  expect(lived).toBeLessThanOrEqual(2 * 6_000);
});

test("a lease whose holder asked nobody during a long election has time to be renewed, and lives on if it is", async () => {
  const cluster = new Cluster();
  cluster.lead(cluster.members[0]!);
  cluster.do(grant("1"), grant("2"));
  for (let round = 0; round < 3; round++) {
    cluster.lead(null);
    await cluster.pass(30_000);
    cluster.lead(cluster.members[round % 3]!);
    await cluster.pass(2 * LEASE_TICK_MS);
    expect(cluster.leases).toBe(2);
  }
  cluster.do({ kind: "lease-keep-alive", leases: ["1"] });
  cluster.lead(null);
  await cluster.pass(30_000);
  cluster.lead(cluster.members[0]!);
  await cluster.pass(1_000);
  expect([...cluster.members[1]!.machine.leases.all()].map(({ id }) => id)).toEqual(["1"]);
});

test("a lease that is granted again under its id is looked at once, and revoked once", async () => {
  const cluster = new Cluster(1);
  const [member] = cluster.members;
  cluster.lead(member!);
  for (let again = 0; again < 200; again++) cluster.do(grant("1"), revoke("1"));
  expect(member!.keeper.looks).toBe(0);
  cluster.do(grant("1"));
  expect(member!.keeper.looks).toBe(1);
  const before = cluster.count("lease-revoke");
  await cluster.pass(8_000);
  expect(cluster.leases).toBe(0);
  expect(cluster.count("lease-revoke") - before).toBe(1);
});

test("what the leader looks at is one for each lease, whatever happens to them", async () => {
  const lease = fc.constantFrom("1", "2", "3");
  const step = fc.oneof(
    fc.record({ kind: fc.constant("grant" as const), lease, ttlMs: fc.integer({ min: 500, max: 5_000 }) }),
    fc.record({ kind: fc.constantFrom("revoke" as const, "renew" as const), lease }),
    fc.record({ kind: fc.constantFrom("lead" as const, "pass" as const, "restart" as const), to: fc.nat(2) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const cluster = new Cluster();
      cluster.lead(cluster.members[0]!);
      for (const one of steps) {
        if (one.kind === "grant") cluster.do(grant(one.lease, one.ttlMs));
        else if (one.kind === "revoke") cluster.do(revoke(one.lease));
        else if (one.kind === "renew") cluster.do({ kind: "lease-keep-alive", leases: [one.lease] });
        else if (one.kind === "lead") cluster.lead(cluster.members[one.to]!);
        else if (one.kind === "restart") cluster.members[one.to]!.restart();
        else await cluster.pass(600);
        if (cluster.leader !== null) expect(cluster.leader.keeper.looks).toBe(cluster.leases);
      }
    }),
    { numRuns: 100 },
  );
});
