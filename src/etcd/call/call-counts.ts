import { Durations } from "../../base/durations.ts";
import { monotonicNow } from "../../base/system-time.ts";

/** The bounds of gRPC's usual metrics. */
const BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000];

/** How often a method was called, with how many messages, and how its calls ended, by gRPC's code. */
export class MethodCounts {
  started = 0;
  received = 0;
  receivedBytes = 0;
  sent = 0;
  sentBytes = 0;
  readonly handled = new Map<number, number>();
  /** From the first message to the last. */
  readonly durations = new Durations(BOUNDS_MS);

  /** Gives the moment, for `end`. */
  start(): number {
    this.started += 1;
    return monotonicNow();
  }

  receive({ length }: Uint8Array): void {
    this.received += 1;
    this.receivedBytes += length;
  }

  send({ length }: Uint8Array): void {
    this.sent += 1;
    this.sentBytes += length;
  }

  end(code: number, startedAt: number): void {
    this.handled.set(code, (this.handled.get(code) ?? 0) + 1);
    this.durations.note(monotonicNow() - startedAt);
  }
}

/** Counts calls: cheap enough to be done for each. */
export class CallCounts {
  readonly byPath = new Map<string, MethodCounts>();

  of(path: string): MethodCounts {
    const known = this.byPath.get(path);
    if (known !== undefined) return known;
    const counts = new MethodCounts();
    this.byPath.set(path, counts);
    return counts;
  }

  get receivedBytes(): number {
    return this.#sum(({ receivedBytes }) => receivedBytes);
  }

  get sentBytes(): number {
    return this.#sum(({ sentBytes }) => sentBytes);
  }

  #sum(bytes: (counts: MethodCounts) => number): number {
    return [...this.byPath.values()].reduce((sum, counts) => sum + bytes(counts), 0);
  }
}
