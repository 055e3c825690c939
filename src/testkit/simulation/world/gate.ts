/**
 * What a process does, as long as it runs: nothing after it has ended, and nothing while it is paused. What came
 * meanwhile happens when it goes on, in the order in which it came.
 */
export class Gate {
  #isOpen = true;
  #isOver = false;
  #waiting: { readonly deed: () => void; readonly missed: (() => void) | undefined }[] = [];

  get isPaused(): boolean {
    return !this.#isOpen;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Does the deed, or has it wait. `missed` is called when it never comes to that. */
  run(deed: () => void, missed?: () => void): void {
    if (this.#isOver) missed?.();
    else if (this.#isOpen) deed();
    else this.#waiting.push({ deed, missed });
  }

  pause(): void {
    this.#isOpen = false;
  }

  resume(): void {
    this.#isOpen = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { deed, missed } of waiting) this.run(deed, missed);
  }

  end(): void {
    this.#isOver = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { missed } of waiting) missed?.();
  }
}
