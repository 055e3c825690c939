/**
 * What reads by lease promise, and what they do not: they are linearizable as long as no member's clock runs more than
 * (electionTicks - 1) / (electionTicks - 2) times as fast as the leader's. Time is virtual here.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { commandCodec } from "../../src/replica/command-codec.ts";
import { Member } from "../../src/replica/member.ts";
import type { ReadOptions } from "../../src/replica/reads.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { type Add, Counter } from "./counter.ts";
import { VirtualClock, VirtualTime } from "./virtual-time.ts";

const TICK_MS = 100;
const ELECTION_TICKS = 10;
const NAMES = ["n1", "n2", "n3"];

type CounterMember = Member<Add, number, void, number>;

class Group {
  readonly time = new VirtualTime();
  readonly clocks = new Map(NAMES.map((name) => [name, new VirtualClock(this.time)]));
  readonly members: CounterMember[] = [];
  readonly #network = new MemoryNetwork({ clock: new VirtualClock(this.time) });

  constructor(seed: number, leaseReads = true) {
    for (const [at, name] of NAMES.entries()) {
      const clock = this.clocks.get(name)!;
      Member.open<Add, number, void, number>(
        {
          name,
          peers: Object.fromEntries(NAMES.map((peer) => [peer, ""])),
          machine: new Counter(),
          codec: commandCodec<Add>("json"),
          storage: new MemoryStorage({ clock, storeId: String(at).padStart(32, "0") }),
          transport: this.#network.transport(),
          clock,
          random: new Random(seed + at),
          limits: { tickMs: TICK_MS, electionTicks: ELECTION_TICKS },
          leaseReads,
        },
        (error, member) => {
          if (error !== null) throw error;
          this.members.push(member!);
        },
      );
    }
    this.time.until(() => this.members.some(({ isLeader }) => isLeader), "a leader");
    this.write(this.leader);
    // Until the members know each other, and nothing about them changes any more.
    this.time.pass(20 * TICK_MS);
  }

  get leader(): CounterMember {
    return this.members.find(({ isLeader }) => isLeader)!;
  }

  clockOf({ name }: CounterMember): VirtualClock {
    return this.clocks.get(name)!;
  }

  others(than: CounterMember): CounterMember[] {
    return this.members.filter((member) => member !== than);
  }

  cutOff({ name }: CounterMember): void {
    for (const other of NAMES) if (other !== name) this.#network.cut(name, other);
  }

  /** Adds one, and returns when that is acknowledged. */
  write(member: CounterMember): void {
    let isDone = false;
    member.propose({ add: 1 }, {}, (error) => {
      if (error !== null) throw error;
      isDone = true;
    });
    this.time.until(() => isDone, "a write");
  }

  /** What a read shows, or the code of its failure, once that is known. */
  ask(member: CounterMember, options: ReadOptions): { answer: number | string | null } {
    const asked: { answer: number | string | null } = { answer: null };
    member.barrier(options, (error) => {
      asked.answer = error === null ? member.ask() : QuorateError.is(error) ? error.code : String(error);
    });
    return asked;
  }

  read(member: CounterMember, timeout = TICK_MS, consistency: "lease" | "linearizable" = "lease") {
    const asked = this.ask(member, { consistency, timeout });
    this.time.until(() => asked.answer !== null, "an answer");
    return asked.answer;
  }

  /** The others choose a leader among themselves and agree on something, of which the old one does not hear. */
  overtake(old: CounterMember): void {
    const others = this.others(old);
    this.time.until(() => others.some(({ isLeader }) => isLeader), "another leader");
    this.write(others[0]!);
  }
}

test("a leader with a lease answers though it reaches nobody, and does not once the lease is over", () => {
  const group = new Group(1);
  const { leader } = group;
  group.cutOff(leader);
  expect(group.read(leader)).toBe(1);
  group.time.pass((ELECTION_TICKS - 2) * TICK_MS);
  expect(group.read(leader)).toBe("ERR_NO_QUORUM");
});

test("a read that does not ask for a lease goes to a quorum, whatever lease there is", () => {
  const group = new Group(1);
  const { leader } = group;
  group.cutOff(leader);
  expect(group.read(leader, TICK_MS, "linearizable")).toBe("ERR_NO_QUORUM");
});

test("a read by lease on a member that does not lead asks the leader, who asks a quorum", () => {
  const group = new Group(1);
  const { leader } = group;
  for (const member of group.others(leader)) expect(group.read(member, 10 * TICK_MS)).toBe(1);
});

test("whoever is cut off at whatever moment, no read by lease misses a write that was acknowledged, while clocks differ by a ninth at most", () => {
  const rate = fc.double({ min: 0.95, max: 1.06, noNaN: true });
  const rates = fc.tuple(rate, rate, rate);
  fc.assert(
    fc.property(fc.nat(1000), rates, fc.nat(300), (seed, rates, phase) => {
      const group = new Group(seed);
      for (const [at, name] of NAMES.entries()) group.clocks.get(name)!.rate = rates[at]!;
      group.time.pass(phase);
      const old = group.leader;
      group.cutOff(old);
      group.overtake(old);
      for (let look = 0; look < 5; look++) expect(group.read(old, 20)).not.toBe(1);
    }),
    { numRuns: 100 },
  );
});

test("a leader whose process stood still knows that its lease is over before it reads again", () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(300), (seed, phase) => {
      const group = new Group(seed);
      const old = group.leader;
      group.time.pass(phase);
      group.clockOf(old).hold();
      // Nor does it hear of it from the others.
      group.cutOff(old);
      group.overtake(old);
      const asked = group.ask(old, { consistency: "lease", timeout: TICK_MS });
      group.clockOf(old).release();
      group.time.until(() => asked.answer !== null, "an answer");
      expect(asked.answer).toBe("ERR_NO_QUORUM");
    }),
    { numRuns: 40 },
  );
});

test("what is not promised: a leader whose clock runs far too slowly shows an older state", () => {
  const group = new Group(1);
  const old = group.leader;
  group.clockOf(old).rate = 0.1;
  group.cutOff(old);
  group.overtake(old);
  expect(group.read(old)).toBe(1);
  // A read that trusts no clock does not.
  expect(group.read(old, TICK_MS, "linearizable")).toBe("ERR_NO_QUORUM");
});

test("without leaseReads a read by lease is refused, since others may vote at any time", () => {
  const group = new Group(1, false);
  try {
    group.ask(group.leader, { consistency: "lease" });
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_INVALID_ARGUMENT", details: { argument: "consistency" } });
  }
});
