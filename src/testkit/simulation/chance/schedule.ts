import { assert } from "../../../base/assert.ts";

/** Virtual time: whole microseconds since the run began. */
export type Micros = number;

/** Something that will happen, unless it is cancelled. */
export class Appointment {
  readonly at: Micros;
  readonly order: number;
  run: (() => void) | null;

  constructor(at: Micros, order: number, run: () => void) {
    this.at = at;
    this.order = order;
    this.run = run;
  }

  cancel(): void {
    this.run = null;
  }
}

/**
 * All that is going to happen, in order of time; what happens at the same time happens in the order in which it was
 * scheduled. Time stands still while something happens, and jumps to the next thing when it is over.
 */
export class Schedule {
  readonly #heap: Appointment[] = [];
  #now: Micros = 0;
  #scheduled = 0;
  #steps = 0;

  get now(): Micros {
    return this.#now;
  }

  /** How many things have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** When the next thing happens; infinite when nothing is left. */
  get next(): Micros {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  at(time: Micros, run: () => void): Appointment {
    const appointment = new Appointment(Math.max(time, this.#now), this.#scheduled++, run);
    this.#push(appointment);
    return appointment;
  }

  after(delay: Micros, run: () => void): Appointment {
    return this.at(this.#now + delay, run);
  }

  /** Lets the next thing happen. False when it was cancelled, so that nothing did. */
  step(): boolean {
    const appointment = this.#pop();
    const { run } = appointment;
    if (run === null) return false;
    this.#now = appointment.at;
    run();
    this.#steps += 1;
    return true;
  }

  #push(appointment: Appointment): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(appointment);
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (!isBefore(appointment, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = appointment;
  }

  #pop(): Appointment {
    const heap = this.#heap;
    const first = heap[0];
    assert(first !== undefined, "something is left to happen");
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts an appointment into the place at the top, which is free. */
  #sink(appointment: Appointment): void {
    const heap = this.#heap;
    const { length } = heap;
    let at = 0;
    for (;;) {
      let least = 4 * at + 1;
      if (least >= length) break;
      const end = Math.min(least + 4, length);
      for (let child = least + 1; child < end; child++) {
        if (isBefore(heap[child]!, heap[least]!)) least = child;
      }
      if (!isBefore(heap[least]!, appointment)) break;
      heap[at] = heap[least]!;
      at = least;
    }
    heap[at] = appointment;
  }
}

function isBefore(left: Appointment, right: Appointment): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}
