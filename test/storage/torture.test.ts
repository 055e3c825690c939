import { describe, expect, it } from "vitest";
import {
  crashEverywhere,
  failEachCall,
  flipBits,
  makeRemains,
  misplaceSectors,
  truncateFiles,
  zeroSectors,
} from "./torture.ts";

// The same with larger parameters is what `npm run torture:storage` runs.

describe("after a power cut at any moment", () => {
  it.each([1, 2, 3])(
    "a start finds all that was acknowledged, and nothing that never was (seed %i)",
    (seed) => {
      const tally = crashEverywhere({ seed, moves: 45 }, 25);
      expect(tally.cuts).toBeGreaterThan(200);
      expect(tally.nested).toBeGreaterThan(100);
      expect(tally.dropped, "some starts drop an unfinished frame").toBeGreaterThan(0);
    },
  );
});

describe("after damage to any place of a store that was closed in order", () => {
  const remains = makeRemains({ seed: 5, moves: 12 }, "closed");

  it("a flipped bit is refused or harmless", () => {
    const tally = flipBits(remains, 61);
    expect(tally.refused).toBeGreaterThan(tally.cuts / 4);
    expect(tally.dropped, "nothing that was proved durable is dropped").toBe(0);
  });

  it("a file that is cut short or missing is refused or harmless", () => {
    const tally = truncateFiles(remains, 7);
    expect(tally.refused).toBeGreaterThan(tally.cuts / 2);
    expect(tally.dropped).toBe(0);
  });

  it("a sector of zeros is refused or harmless", () => {
    expect(zeroSectors(remains).dropped).toBe(0);
  });

  it("a sector in the place of another is refused or harmless", () => {
    const tally = misplaceSectors(remains);
    expect(tally.refused).toBeGreaterThan(0);
    expect(tally.dropped).toBe(0);
  });
});

describe("after damage to any place of a store that was cut off", () => {
  it("at most the last batch is dropped", () => {
    const remains = makeRemains({ seed: 6, moves: 12 }, "cut off");
    const flipped = flipBits(remains, 101);
    expect(flipped.dropped).toBeGreaterThan(0);
    expect(flipped.refused).toBeGreaterThan(0);
    expect(truncateFiles(remains, 31).refused).toBeGreaterThan(0);
    expect(zeroSectors(remains).refused).toBeGreaterThan(0);
  });
});

describe("when any one call to the disk fails", () => {
  it.each([7, 8])(
    "the storage stops, and the next start finds all that was acknowledged (seed %i)",
    (seed) => {
      const tally = failEachCall({ seed, moves: 30 });
      expect(tally.cuts).toBeGreaterThan(60);
      expect(tally.refused, "some runs notice").toBeGreaterThan(30);
    },
  );
});
