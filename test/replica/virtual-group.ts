import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { commandCodec } from "../../src/replica/calls/command-codec.ts";
import type { ReadOptions } from "../../src/replica/calls/reads.ts";
import { Member } from "../../src/replica/member.ts";
import { MemoryStorage } from "../../src/storage/memory-storage.ts";
import { MemoryNetwork } from "../../src/transport/memory-transport.ts";
import { type Add, Counter } from "./counter.ts";
import { VirtualClock, VirtualTime } from "./virtual-time.ts";

export const TICK_MS = 100;
export const ELECTION_TICKS = 10;
export const NAMES = ["n1", "n2", "n3"];

export type CounterMember = Member<Add, number, void, number>;

/** Three members in virtual time, each with a clock of its own, of which one leads and has written once. */
export class VirtualGroup {
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

  healAll(): void {
    this.#network.healAll();
  }

  /** Hands leadership over, and returns when the other leads. */
  transfer(from: CounterMember, to: CounterMember): void {
    from.cluster.transfer(to.name, {}, (error) => {
      if (error !== null) throw error;
    });
    this.time.until(() => to.isLeader, `${to.name} to lead`);
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
    const asked = this.ask(member, { consistency, timeoutMs: timeout });
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
