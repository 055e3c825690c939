import { describe, expect, it } from "vitest";
import { SnapshotPieces } from "../../../src/replica/peers/snapshot-pieces.ts";

const MIB = 1024 * 1024;

/** Pieces of chunks each of which takes so long to make. */
function piecesOf(chunks: readonly Uint8Array[], chunkMs: number): Uint8Array[] {
  let now = 0;
  function* made(): Generator<Uint8Array> {
    for (const chunk of chunks) {
      now += chunkMs;
      yield chunk;
    }
  }
  const pieces = new SnapshotPieces(made(), { monotonic: () => now });
  const found: Uint8Array[] = [];
  for (let piece = pieces.next(); piece !== null; piece = pieces.next()) found.push(piece.slice());
  return found;
}

function lengthsOf(lengths: readonly number[], chunkMs: number): number[] {
  return piecesOf(
    lengths.map((length) => new Uint8Array(length)),
    chunkMs,
  ).map(({ length }) => length);
}

describe("the pieces of a snapshot", () => {
  it("hold as many chunks as there is time for", () => {
    expect(lengthsOf(new Array(10).fill(100), 1)).toEqual([400, 400, 200]);
  });

  it("hold a mebibyte at most, and longer chunks go as they are", () => {
    const lengths = [600_000, 600_000, 3 * MIB, 10, 20];
    expect(lengthsOf(lengths, 0.01)).toEqual([600_000, 600_000, 3 * MIB, 30]);
  });

  it("hold a chunk each where time stands still, so that everything else can come between", () => {
    expect(lengthsOf([1, 2, 3], 0)).toEqual([1, 2, 3]);
  });

  it("may be empty where the state made a pause", () => {
    expect(lengthsOf([0, 0, 5], 5)).toEqual([0, 0, 5]);
  });

  it("hold the bytes of their chunks in order", () => {
    const chunks = [Uint8Array.of(1, 2), Uint8Array.of(3), new Uint8Array(MIB).fill(4), Uint8Array.of(5)];
    expect(Buffer.concat(piecesOf(chunks, 0.01)).equals(Buffer.concat(chunks))).toBe(true);
  });

  it("end the chunks when they are stopped", () => {
    let hasEnded = false;
    function* chunks(): Generator<Uint8Array> {
      try {
        while (true) yield Uint8Array.of(1);
      } finally {
        hasEnded = true;
      }
    }
    const pieces = new SnapshotPieces(chunks(), { monotonic: () => 0 });
    pieces.next();
    pieces.stop();
    expect(hasEnded).toBe(true);
  });
});
