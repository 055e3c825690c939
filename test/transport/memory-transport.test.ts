import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/base/clock.ts";
import { Random } from "../../src/base/random.ts";
import { MemoryNetwork, type NetworkFaults } from "../../src/transport/memory-transport.ts";
import type { Transport } from "../../src/transport/transport.ts";
import { selfNamed } from "./tcp-world.ts";

/** A clock that a test turns by hand. */
class HandClock implements Clock {
  #now = 0;
  #waiting: { at: number; run: () => void }[] = [];

  monotonic(): number {
    return this.#now;
  }

  wall(): number {
    return this.#now;
  }

  after(ms: number, run: () => void) {
    const item = { at: this.#now + ms, run };
    this.#waiting.push(item);
    return { cancel: () => void this.#waiting.splice(this.#waiting.indexOf(item), 1) };
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  /** Lets everything happen that waits, in the order of its time. */
  settle(): void {
    while (this.#waiting.length > 0) {
      const next = this.#waiting.reduce((first, item) => (item.at < first.at ? item : first));
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.#now = next.at;
      next.run();
    }
  }
}

class World {
  readonly clock = new HandClock();
  readonly network: MemoryNetwork;
  /** What arrived, as "a b 7": from, to, first byte. */
  readonly arrived: string[] = [];
  readonly #transports = new Map<string, Transport>();

  constructor(faults: Partial<NetworkFaults> = {}, seed = 1) {
    this.network = new MemoryNetwork({ clock: this.clock, random: new Random(seed), faults });
    for (const name of ["a", "b", "c"]) this.#add(name);
    this.clock.settle();
  }

  send(from: string, to: string, byte: number): void {
    this.#transports.get(from)!.send(to, Uint8Array.of(byte));
  }

  #add(name: string): void {
    const transport = this.network.transport();
    transport.start(
      {
        self: selfNamed(name),
        deliver: (from, frame) => void this.arrived.push(`${from} ${name} ${frame[0]}`),
        peerUp: () => {},
        peerDown: () => {},
        refused: () => {},
      },
      () => {},
    );
    transport.setPeers(["a", "b", "c"].map((peer) => ({ name: peer, id: selfNamed(peer).id, address: "" })));
    this.#transports.set(name, transport);
  }
}

describe("a network in memory", () => {
  test("without faults every frame arrives once, in order", () => {
    const world = new World();
    for (let byte = 0; byte < 100; byte++) world.send("a", "b", byte);
    expect(world.arrived).toEqual([]);
    world.clock.settle();
    expect(world.arrived).toEqual(Array.from({ length: 100 }, (_, byte) => `a b ${byte}`));
  });

  test("a cut lets nothing through in either direction, not even what is under way, until it heals", () => {
    const world = new World();
    world.send("a", "b", 1);
    world.network.cut("b", "a");
    world.send("a", "b", 2);
    world.send("b", "a", 3);
    world.send("a", "c", 4);
    world.clock.settle();
    expect(world.arrived).toEqual(["a c 4"]);
    world.network.heal("a", "b");
    world.send("a", "b", 5);
    world.clock.settle();
    expect(world.arrived).toEqual(["a c 4", "a b 5"]);
  });

  test("a seed decides what is lost, repeated and overtaken: the same seed, the same history", () => {
    const faults = { loss: 0.3, duplication: 0.3, delayMsMin: 1, delayMsMax: 50 };
    const history = (seed: number): string[] => {
      const world = new World(faults, seed);
      for (let byte = 0; byte < 50; byte++) world.send("a", "b", byte);
      world.clock.settle();
      return world.arrived;
    };
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        expect(history(seed)).toEqual(history(seed));
      }),
      { numRuns: 20 },
    );
    const arrived = history(7);
    expect(arrived.length).not.toBe(50);
    expect(new Set(arrived).size).toBeLessThan(arrived.length);
    expect(arrived).not.toEqual([...arrived].sort());
  });

  test("when faults end, frames arrive once and in order again", () => {
    const world = new World({ loss: 1 });
    world.send("a", "b", 1);
    world.network.setFaults({});
    world.send("a", "b", 2);
    world.clock.settle();
    expect(world.arrived).toEqual(["a b 2"]);
  });
});
