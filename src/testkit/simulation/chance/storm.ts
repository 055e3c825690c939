import type { Appointment, Micros, Schedule } from "./schedule.ts";

/** The time in which things go wrong. Nothing that ends a fault happens after it: by then everything is mended. */
export class Storm {
  readonly #schedule: Schedule;
  readonly #onLasting: ((end: () => void) => void) | undefined;
  readonly #toCome: Appointment[] = [];
  #end: Micros;

  /** `onLasting` is given what ends something that lasts for ever. */
  constructor(schedule: Schedule, end: Micros, onLasting?: (end: () => void) => void) {
    this.#schedule = schedule;
    this.#end = end;
    this.#onLasting = onLasting;
  }

  get end(): Micros {
    return this.#end;
  }

  /** Ends at this time, as if it had always been meant to. */
  endAt(end: Micros): void {
    this.#end = end;
    for (const appointment of this.#toCome) if (appointment.at >= end) appointment.cancel();
  }

  /** Has this happen after so many milliseconds, if the storm lasts so long. */
  later(ms: number, run: () => void): void {
    const time = this.#schedule.now + Math.round(ms * 1000);
    if (time < this.#end) this.#toCome.push(this.#schedule.at(time, run));
    else if (time === Number.POSITIVE_INFINITY) this.#onLasting?.(run);
  }
}
