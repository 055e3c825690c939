/** How often a method was called, and how its calls ended, by gRPC's code. */
export interface MethodCounts {
  started: number;
  received: number;
  sent: number;
  readonly handled: Map<number, number>;
}

/** Counts calls: cheap enough to be done for each. */
export class CallCounts {
  readonly byPath = new Map<string, MethodCounts>();
  receivedBytes = 0;
  sentBytes = 0;

  started(path: string): void {
    this.#of(path).started += 1;
  }

  received(path: string, { length }: Uint8Array): void {
    this.#of(path).received += 1;
    this.receivedBytes += length;
  }

  sent(path: string, { length }: Uint8Array): void {
    this.#of(path).sent += 1;
    this.sentBytes += length;
  }

  ended(path: string, code: number): void {
    const { handled } = this.#of(path);
    handled.set(code, (handled.get(code) ?? 0) + 1);
  }

  #of(path: string): MethodCounts {
    const known = this.byPath.get(path);
    if (known !== undefined) return known;
    const counts = { started: 0, received: 0, sent: 0, handled: new Map<number, number>() };
    this.byPath.set(path, counts);
    return counts;
  }
}
