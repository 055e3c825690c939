/**
 * What a process does, as long as it runs: nothing after it has ended, and nothing while it is paused. What came
 * meanwhile happens when it goes on, in the order in which it came.
 */
export class Gate {
  #isOpen = true;
  #isOver = false;
  #waiting: (() => void)[] = [];

  get isPaused(): boolean {
    return !this.#isOpen;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  run(deed: () => void): void {
    if (this.#isOver) return;
    if (this.#isOpen) deed();
    else this.#waiting.push(deed);
  }

  pause(): void {
    this.#isOpen = false;
  }

  resume(): void {
    this.#isOpen = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const deed of waiting) this.run(deed);
  }

  end(): void {
    this.#isOver = true;
    this.#waiting = [];
  }
}
