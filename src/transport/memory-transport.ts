import { assert } from "../base/assert.ts";
import type { Done } from "../base/callback.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { defined, type Overrides } from "../base/defaults.ts";
import { QuorateError } from "../base/errors.ts";
import { fraction, having, NO_OPTIONS, nested, OptionTable } from "../base/options.ts";
import { Random } from "../base/random.ts";
import type { Peer, Transport, TransportHost } from "./transport.ts";

/** What a memory network does to frames. All chance comes from the network's `random`. */
export interface NetworkFaults {
  /** Share of the frames that are lost, from 0 to 1. */
  readonly loss: number;
  /** Share of the frames that arrive twice. */
  readonly duplication: number;
  /** Each frame travels for a time between these two; where they differ frames overtake each other. */
  readonly delayMsMin: number;
  readonly delayMsMax: number;
}

/** A day. */
const DELAY_MS_MAX = 24 * 60 * 60 * 1000;

const NO_FAULTS: NetworkFaults = { loss: 0, duplication: 0, delayMsMin: 0, delayMsMax: 0 };

/** Options of `MemoryNetwork`. With a simulated clock and a seeded `random`, a run repeats exactly. */
export interface MemoryNetworkOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly faults?: Overrides<NetworkFaults> | undefined;
}

const FAULTS = new OptionTable<Overrides<NetworkFaults>>(
  "faults",
  {
    loss: fraction(0, 1),
    duplication: fraction(0, 1),
    delayMsMin: fraction(0, DELAY_MS_MAX),
    delayMsMax: fraction(0, DELAY_MS_MAX),
  },
  "faults.",
);

const NETWORK_OPTIONS = new OptionTable<MemoryNetworkOptions>("MemoryNetwork", {
  clock: having<Clock>("a clock", "monotonic", "wall", "after", "soon"),
  random: having<Random>("a Random", "next", "between", "fraction"),
  faults: nested(FAULTS),
});

/**
 * Members in one process, for tests, examples and the simulator. Without faults every frame arrives once and in order,
 * on a later turn of the event loop. A cut is silent, as on a real network; only a member that closes is seen to go.
 */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #random: Random;
  #faults: NetworkFaults;
  readonly #members = new Map<string, MemoryTransport>();
  readonly #cuts = new Set<string>();
  readonly #arriving: (() => void)[] = [];

  /**
   * Creates a network without members. By default it loses, delays and repeats nothing. Throws
   * ERR_INVALID_ARGUMENT.
   */
  constructor(options: MemoryNetworkOptions = NO_OPTIONS) {
    NETWORK_OPTIONS.check(options);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? new Random(1);
    this.#faults = { ...NO_FAULTS, ...defined(options.faults ?? {}) };
  }

  /** A transport for one more member. It takes the member's name when it is started. */
  transport(): Transport {
    return new MemoryTransport(this);
  }

  /** From now on faults are these, and none that are not named. */
  setFaults(faults: Overrides<NetworkFaults>): void {
    FAULTS.check(faults);
    this.#faults = { ...NO_FAULTS, ...defined(faults) };
  }

  /** Lets nothing through between two members, not even what is under way. */
  cut(left: string, right: string): void {
    this.#cuts.add(pair(left, right));
  }

  /** Lets two members reach each other again. */
  heal(left: string, right: string): void {
    this.#cuts.delete(pair(left, right));
  }

  /** Removes every cut between members. */
  healAll(): void {
    this.#cuts.clear();
  }

  /** Called by a transport that starts. */
  join(name: string, member: MemoryTransport): void {
    assert(!this.#members.has(name), () => `${name} is on the network already`);
    this.#members.set(name, member);
    this.review();
  }

  /** Called by a transport that closes. */
  leave(name: string): void {
    this.#members.delete(name);
    this.review();
  }

  /** Called when somebody came, went, or has new peers: each member looks whom it reaches now. */
  review(): void {
    for (const member of this.#members.values()) member.review(this.#members);
  }

  soon(run: () => void): void {
    this.#clock.soon(run);
  }

  /** Called by a transport that sends. */
  carry(from: string, to: string, frame: Uint8Array): void {
    // The sender's memory is its own: what it does with it afterwards must not be seen here.
    const copy = Uint8Array.prototype.slice.call(frame);
    if (this.#happens(this.#faults.loss)) return;
    this.#travel(from, to, copy);
    if (this.#happens(this.#faults.duplication)) this.#travel(from, to, copy.slice());
  }

  #travel(from: string, to: string, frame: Uint8Array): void {
    const arrive = (): void => {
      if (!this.#cuts.has(pair(from, to))) this.#members.get(to)?.receive(from, frame);
    };
    const { delayMsMin, delayMsMax } = this.#faults;
    if (delayMsMax === 0) this.#arriveSoon(arrive);
    else this.#clock.after(delayMsMin + this.#random.fraction() * (delayMsMax - delayMsMin), arrive);
  }

  /** What is sent together arrives together. */
  #arriveSoon(arrive: () => void): void {
    this.#arriving.push(arrive);
    if (this.#arriving.length > 1) return;
    this.#clock.soon(() => {
      for (const next of this.#arriving.splice(0)) next();
    });
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random.fraction() < share;
  }
}

function pair(left: string, right: string): string {
  return left < right ? JSON.stringify([left, right]) : JSON.stringify([right, left]);
}

/** One member's end of a memory network. */
export class MemoryTransport implements Transport {
  readonly #network: MemoryNetwork;
  #host: TransportHost | null = null;
  #isClosed = false;
  #peers = new Map<string, Peer>();
  readonly #reached = new Set<string>();
  readonly #refused = new Set<string>();

  /** @internal Use `MemoryNetwork.transport`. */
  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  start(host: TransportHost, started: Done): void {
    assert(this.#host === null && !this.#isClosed, "a transport is started once");
    this.#host = host;
    this.#network.join(host.self.name, this);
    this.#network.soon(() => started(null));
  }

  setPeers(peers: readonly Peer[]): void {
    this.#peers = new Map(peers.map((peer) => [peer.name, peer]));
    this.#network.review();
  }

  send(to: string, frame: Uint8Array): void {
    if (this.#host !== null && this.#reached.has(to)) this.#network.carry(this.#host.self.name, to, frame);
  }

  close(closed: Done): void {
    if (this.#host !== null && !this.#isClosed) this.#network.leave(this.#host.self.name);
    this.#isClosed = true;
    this.#reached.clear();
    this.#network.soon(() => closed(null));
  }

  /** Takes a frame that has travelled, if its sender is still one of us. */
  receive(from: string, frame: Uint8Array): void {
    if (this.#reached.has(from)) this.#host?.deliver(from, frame);
  }

  /** Compares whom it reaches with whom it reached, and tells the host. */
  review(members: ReadonlyMap<string, MemoryTransport>): void {
    for (const name of this.#reached) {
      if (!this.#reaches(name, members.get(name))) this.#lose(name, members.has(name));
    }
    for (const name of this.#peers.keys()) {
      if (!this.#reached.has(name) && this.#reaches(name, members.get(name))) this.#find(name);
    }
  }

  /** Two members reach each other when each knows the other by name and id, and both are of one cluster. */
  #reaches(name: string, other: MemoryTransport | undefined): boolean {
    if (other === undefined || other === this) return false;
    const [here, there] = [this.#host!.self, other.#host!.self];
    if (this.#peers.get(name)?.id !== there.id || other.#peers.get(here.name)?.id !== here.id) return false;
    if (here.clusterId === there.clusterId) return true;
    this.#refuse(name, here.clusterId, there.clusterId);
    return false;
  }

  #find(name: string): void {
    this.#reached.add(name);
    this.#tell((host) => host.peerUp(name));
  }

  /** Only a member that closed is told of: one that was taken off a list has not ended. */
  #lose(name: string, isThere: boolean): void {
    this.#reached.delete(name);
    if (!isThere) this.#tell((host) => host.peerDown(name));
  }

  #refuse(name: string, expected: string, found: string): void {
    if (this.#refused.has(name)) return;
    this.#refused.add(name);
    const error = new QuorateError("ERR_IDENTITY_MISMATCH", `${name} is of another cluster`, {
      field: "clusterId",
      expected,
      found,
    });
    this.#tell((host) => host.refused(error));
  }

  /** News come later, never inside a call of the host's own. */
  #tell(news: (host: TransportHost) => void): void {
    this.#network.soon(() => {
      if (this.#host !== null && !this.#isClosed) news(this.#host);
    });
  }
}
