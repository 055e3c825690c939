import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, utf8Bytes } from "../../src/base/bytes.ts";
import type { Callback, Done } from "../../src/base/callback.ts";
import { QuorateError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { EMPTY_MEMBERSHIP } from "../../src/raft/membership.ts";
import type { SnapshotMessage } from "../../src/raft/message.ts";
import { decodePeerFrame, type SnapshotBegin } from "../../src/transport/codec/peer-frame.ts";
import { ChunkCutter } from "../../src/transport/snapshots/chunk-cutter.ts";
import type { SnapshotSink } from "../../src/transport/snapshots/incoming-snapshot.ts";
import type { SnapshotLimits } from "../../src/transport/snapshots/snapshot-limits.ts";
import { SnapshotReceiver } from "../../src/transport/snapshots/snapshot-receiver.ts";
import {
  SnapshotSender,
  type SnapshotSource,
  transferNumber,
} from "../../src/transport/snapshots/snapshot-sender.ts";

const LIMITS: SnapshotLimits = {
  chunkBytes: 10,
  windowChunks: 3,
  resendTicks: 2,
  silentTicksMax: 12,
  chunkBytesMax: 20,
  contextBytesMax: 100,
};

const MESSAGE: SnapshotMessage = {
  kind: "snapshot",
  from: 1,
  to: 2,
  term: 5,
  snapshot: { index: 9, term: 4, membership: { ...EMPTY_MEMBERSHIP, voters: [1, 2] } },
};

const DISK_FULL = new QuorateError("ERR_DISK", "full", { operation: "write", path: "snapshot" });

/** Things that happen later, in an order that chance decides: frames on their way, disks at work. */
class World {
  readonly random: Random;
  #waiting: (() => void)[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  later(run: () => void): void {
    this.#waiting.push(run);
  }

  /** Lets everything happen that waits, and what comes of it. */
  settle(isInOrder: boolean): void {
    for (let steps = 0; this.#waiting.length > 0; steps++) {
      if (steps > 100_000) throw new Error("never ends");
      const at = isInOrder ? 0 : this.random.between(0, this.#waiting.length - 1);
      this.#waiting.splice(at, 1)[0]!();
    }
  }
}

class TestSource implements SnapshotSource {
  readonly size: number;
  readonly #pieces: Uint8Array[];
  readonly #later: (run: () => void) => void;
  isClosed = false;

  constructor(pieces: readonly Uint8Array[], later: (run: () => void) => void) {
    this.#pieces = [...pieces];
    this.size = concatBytes(pieces).length;
    this.#later = later;
  }

  read(done: Callback<Uint8Array | null>): void {
    this.#later(() => done(null, this.#pieces.shift() ?? null));
  }

  close(): void {
    this.isClosed = true;
  }
}

/** Keeps what it is given; notes when it is called again before it has called back. */
class TestSink implements SnapshotSink {
  readonly chunks: Uint8Array[] = [];
  state: "open" | "kept" | "dropped" = "open";
  isBusy = false;
  wasRushed = false;
  readonly #later: (run: () => void) => void;
  readonly #fails: boolean;

  constructor(later: (run: () => void) => void, fails = false) {
    this.#later = later;
    this.#fails = fails;
  }

  get bytes(): Uint8Array {
    return concatBytes(this.chunks);
  }

  write(chunk: Uint8Array, done: Done): void {
    this.#begin();
    this.#later(() => {
      this.isBusy = false;
      this.chunks.push(chunk.slice());
      done(this.#fails ? DISK_FULL : null);
    });
  }

  commit(done: Done): void {
    this.#begin();
    this.#later(() => {
      this.isBusy = false;
      this.state = "kept";
      done(null);
    });
  }

  abort(): void {
    this.state = "dropped";
  }

  #begin(): void {
    if (this.isBusy) this.wasRushed = true;
    this.isBusy = true;
  }
}

interface Faults {
  readonly loss: number;
  readonly duplication: number;
  readonly isInOrder: boolean;
}

const NO_FAULTS: Faults = { loss: 0, duplication: 0, isInOrder: true };

/** A sender and a receiver with a bad network between them. */
class Carriage {
  readonly world: World;
  readonly faults: Faults;
  readonly sinks: TestSink[] = [];
  readonly received: SnapshotBegin[] = [];
  readonly receiver: SnapshotReceiver;
  sender: SnapshotSender | null = null;
  framesSent = 0;
  isCut = false;
  sinksFail = false;
  takes = true;

  constructor(seed: number, faults: Faults = NO_FAULTS) {
    this.world = new World(seed);
    this.faults = faults;
    this.receiver = new SnapshotReceiver(
      {
        send: (_, frame) => this.#carry(frame, (bytes) => this.#toSender(bytes)),
        open: () => this.#openSink(),
        received: (_, begin) => void this.received.push(begin),
      },
      LIMITS,
    );
  }

  /** Begins a transfer; the list fills with its outcome. */
  send(pieces: readonly Uint8Array[], transfer = 1, context = utf8Bytes("context")): (QuorateError | null)[] {
    const outcomes: (QuorateError | null)[] = [];
    const source = new TestSource(pieces, (run) => this.world.later(run));
    this.sender = new SnapshotSender(
      { to: "b", transfer, agreement: 0, message: MESSAGE, context, source },
      (_, frame) => this.#carry(frame, (bytes) => this.#toReceiver(bytes)),
      (error) => {
        expect(source.isClosed).toBe(true);
        outcomes.push(error);
      },
      LIMITS,
    );
    this.sender.start();
    return outcomes;
  }

  run(ticks: number): void {
    for (let tick = 0; tick < ticks; tick++) {
      this.world.settle(this.faults.isInOrder);
      this.sender?.tick();
      this.receiver.tick();
    }
    this.world.settle(this.faults.isInOrder);
  }

  #openSink(): TestSink | null {
    if (!this.takes) return null;
    const sink = new TestSink((run) => this.world.later(run), this.sinksFail);
    this.sinks.push(sink);
    return sink;
  }

  #carry(frame: Uint8Array, arrive: (frame: Uint8Array) => void): void {
    this.framesSent += 1;
    const { random } = this.world;
    if (this.isCut || random.fraction() < this.faults.loss) return;
    this.world.later(() => arrive(frame));
    if (random.fraction() < this.faults.duplication) this.world.later(() => arrive(frame));
  }

  #toReceiver(bytes: Uint8Array): void {
    const frame = decodePeerFrame(bytes);
    if (
      frame.kind === "snapshot-begin" ||
      frame.kind === "snapshot-chunk" ||
      frame.kind === "snapshot-abort"
    ) {
      this.receiver.step("a", frame);
    }
  }

  #toSender(bytes: Uint8Array): void {
    const frame = decodePeerFrame(bytes);
    if (frame.kind === "snapshot-ack" || frame.kind === "snapshot-refuse") this.sender?.step(frame);
  }
}

const pieces = fc.array(fc.uint8Array({ maxLength: 45 }), { maxLength: 12 });
const seed = fc.integer();

describe("snapshots on their way", () => {
  test("on a good network a snapshot arrives whole, and its message and context with it", () => {
    fc.assert(
      fc.property(seed, pieces, (seed, pieces) => {
        const carriage = new Carriage(seed);
        const outcomes = carriage.send(pieces);
        carriage.run(1);
        expect(outcomes).toEqual([null]);
        expect(carriage.sinks.map((sink) => sink.state)).toEqual(["kept"]);
        expect(carriage.sinks[0]!.bytes).toEqual(concatBytes(pieces));
        expect(carriage.received).toMatchObject([{ message: MESSAGE, context: utf8Bytes("context") }]);
      }),
    );
  });

  test("whatever is lost, repeated or reordered, the bytes arrive intact or the transfer is given up", () => {
    const faults = fc.record({
      loss: fc.double({ min: 0, max: 0.6, noNaN: true }),
      duplication: fc.double({ min: 0, max: 0.5, noNaN: true }),
      isInOrder: fc.boolean(),
    });
    fc.assert(
      fc.property(seed, pieces, faults, (seed, pieces, faults) => {
        const carriage = new Carriage(seed, faults);
        const outcomes = carriage.send(pieces);
        carriage.run(400);
        expect(outcomes.length).toBe(1);
        expect(carriage.sinks.filter((sink) => sink.wasRushed)).toEqual([]);
        for (const sink of carriage.sinks) {
          if (sink.state === "kept") expect(sink.bytes).toEqual(concatBytes(pieces));
        }
        if (outcomes[0] === null) expect(carriage.received.length).toBeGreaterThan(0);
        expect(carriage.sinks.filter((sink) => sink.state === "open")).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("with few losses the snapshot does arrive", () => {
    for (let seed = 0; seed < 50; seed++) {
      const carriage = new Carriage(seed, { loss: 0.1, duplication: 0.1, isInOrder: true });
      const outcomes = carriage.send([new Uint8Array(95).fill(seed)]);
      carriage.run(200);
      expect(outcomes).toEqual([null]);
    }
  });

  test("the sender has no more than a window under way", () => {
    const carriage = new Carriage(1);
    carriage.isCut = true;
    carriage.send([new Uint8Array(1000)]);
    carriage.world.settle(true);
    // The announcement and three chunks; then it waits for the first ack.
    expect(carriage.framesSent).toBe(1 + LIMITS.windowChunks);
  });

  test("the receiver holds no more than a window, whatever it is sent while its disk works", () => {
    const carriage = new Carriage(1);
    carriage.receiver.step("a", beginOf(4));
    for (let offset = 0; offset < 500; offset += 10) {
      carriage.receiver.step("a", { kind: "snapshot-chunk", transfer: 4, offset, bytes: new Uint8Array(10) });
    }
    carriage.world.settle(true);
    // One was being written, a window waited, the rest was dropped.
    expect(carriage.sinks[0]!.chunks.length).toBe(1 + LIMITS.windowChunks);
  });

  test("a receiver that never answers is given up after the silence", () => {
    const carriage = new Carriage(1);
    carriage.isCut = true;
    const outcomes = carriage.send([new Uint8Array(50)]);
    carriage.run(LIMITS.silentTicksMax);
    expect(outcomes).toEqual([]);
    carriage.run(1);
    expect(outcomes).toMatchObject([{ code: "ERR_SNAPSHOT_TRANSFER", details: { to: "b" } }]);
    const { framesSent } = carriage;
    carriage.run(10);
    expect(carriage.framesSent).toBe(framesSent);
  });

  test("a receiver that does not want it ends the transfer at once", () => {
    const carriage = new Carriage(1);
    carriage.takes = false;
    const outcomes = carriage.send([new Uint8Array(50)]);
    carriage.run(1);
    expect(outcomes).toMatchObject([{ code: "ERR_SNAPSHOT_TRANSFER" }]);
  });

  test("a receiver that cannot write drops what it has and says so", () => {
    const carriage = new Carriage(1);
    carriage.sinksFail = true;
    const outcomes = carriage.send([new Uint8Array(50)]);
    carriage.run(1);
    expect(outcomes).toMatchObject([{ code: "ERR_SNAPSHOT_TRANSFER" }]);
    expect(carriage.sinks[0]!.state).toBe("dropped");
    expect(carriage.received).toEqual([]);
  });

  test("a newer transfer takes the place of an older one, never the other way", () => {
    const carriage = new Carriage(1);
    carriage.send([new Uint8Array(500).fill(1)], transferNumber(1, 0));
    carriage.receiver.step("a", beginOf(transferNumber(1, 0)));
    const outcomes = carriage.send([new Uint8Array(50).fill(2)], transferNumber(2, 0));
    carriage.run(2);
    expect(outcomes).toEqual([null]);
    expect(carriage.sinks.map((sink) => sink.state)).toEqual(["dropped", "kept"]);
    carriage.receiver.step("a", beginOf(transferNumber(1, 7)));
    expect(carriage.sinks.length).toBe(2);
  });

  test("an announcement repeated after the end is answered, not begun again", () => {
    const carriage = new Carriage(1);
    carriage.send([new Uint8Array(5)], 4);
    carriage.run(1);
    carriage.receiver.step("a", beginOf(4));
    carriage.run(1);
    expect(carriage.sinks.length).toBe(1);
    expect(carriage.received.length).toBe(1);
  });

  test("a sender that falls silent is forgotten, and what it sent is dropped", () => {
    const carriage = new Carriage(1);
    carriage.receiver.step("a", beginOf(4));
    carriage.run(LIMITS.silentTicksMax + 1);
    expect(carriage.sinks[0]!.state).toBe("dropped");
  });

  test("aborting drops what the receiver has", () => {
    const carriage = new Carriage(1);
    carriage.receiver.step("a", beginOf(4));
    carriage.receiver.step("a", { kind: "snapshot-abort", transfer: 4 });
    expect(carriage.sinks[0]!.state).toBe("dropped");
  });

  test("chunks beyond the announced size, or above the limit, end the transfer", () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(21), new Uint8Array(11)]) {
      const carriage = new Carriage(1);
      carriage.receiver.step("a", { ...beginOf(4), size: 10 });
      carriage.receiver.step("a", { kind: "snapshot-chunk", transfer: 4, offset: 0, bytes });
      expect(carriage.sinks[0]!.state).toBe("dropped");
    }
  });

  test("a source whose size was told wrongly ends the transfer", () => {
    const carriage = new Carriage(1);
    const outcomes: (QuorateError | null)[] = [];
    const source = {
      size: 30,
      read: (done: Callback<Uint8Array | null>) => done(null, null),
      close: () => {},
    };
    const outgoing = {
      to: "b",
      transfer: 1,
      agreement: 0,
      message: MESSAGE,
      context: new Uint8Array(0),
      source,
    };
    new SnapshotSender(
      outgoing,
      () => {},
      (error) => void outcomes.push(error),
      LIMITS,
    ).start();
    carriage.run(1);
    expect(outcomes).toMatchObject([{ code: "ERR_SNAPSHOT_TRANSFER" }]);
  });

  test("a source that answers at once, a byte at a time, does not nest its calls", () => {
    let left = 100_000;
    const read = (done: Callback<Uint8Array | null>) => done(null, left-- > 0 ? Uint8Array.of(1) : null);
    const outgoing = {
      to: "b",
      transfer: 1,
      agreement: 0,
      message: MESSAGE,
      context: new Uint8Array(0),
      source: { size: left, read, close: () => {} },
    };
    const limits = { ...LIMITS, chunkBytes: 200_000 };
    const frames: Uint8Array[] = [];
    new SnapshotSender(
      outgoing,
      (_, frame) => void frames.push(frame),
      () => {},
      limits,
    ).start();
    expect(frames.length).toBe(2);
  });

  test("a context above the limit is not sent", () => {
    const carriage = new Carriage(1);
    const outcomes = carriage.send([], 1, new Uint8Array(101));
    expect(outcomes).toMatchObject([{ code: "ERR_TOO_LARGE" }]);
    expect(carriage.framesSent).toBe(0);
  });

  test("transfer numbers grow with each transfer and each start", () => {
    expect(transferNumber(1, 5)).toBeGreaterThan(transferNumber(1, 4));
    expect(transferNumber(2, 0)).toBeGreaterThan(transferNumber(1, 1000));
  });
});

test("chunks of one length hold the bytes of pieces of any, in order", () => {
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 30 }), (pieces, chunkBytes) => {
      const cutter = new ChunkCutter(chunkBytes);
      const chunks: Uint8Array[] = [];
      const drain = (isLast: boolean): void => {
        for (let chunk = cutter.cut(isLast); chunk !== null; chunk = cutter.cut(isLast)) chunks.push(chunk);
      };
      for (const piece of pieces) {
        cutter.push(piece);
        drain(false);
      }
      drain(true);
      expect(concatBytes(chunks)).toEqual(concatBytes(pieces));
      expect(chunks.slice(0, -1).every((chunk) => chunk.length === chunkBytes)).toBe(true);
    }),
  );
});

function beginOf(transfer: number): SnapshotBegin {
  return {
    kind: "snapshot-begin",
    transfer,
    agreement: 0,
    size: 500,
    message: MESSAGE,
    context: new Uint8Array(0),
  };
}
