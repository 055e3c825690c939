/** The reads that share one question to the leader. */
interface Batch {
  readonly question: number;
  readonly requests: readonly number[];
  ticks: number;
}

/**
 * The reads that a follower has passed on. All reads of one turn share one question; a question that is not answered
 * is asked again, since messages get lost and asking twice does no harm.
 */
export class ForwardedReads {
  #waiting: number[] = [];
  #batches: Batch[] = [];
  #count = 0;

  get count(): number {
    return this.#count;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  add(request: number): void {
    this.#waiting.push(request);
    this.#count += 1;
  }

  /** Puts the waiting reads under a question that is about to be asked. */
  ask(question: number): void {
    this.#batches.push({ question, requests: this.#waiting, ticks: 0 });
    this.#waiting = [];
  }

  /** Lets a tick pass; returns the questions that have gone without an answer for `patience` ticks since last asked. */
  tick(patience: number): number[] {
    const overdue: number[] = [];
    for (const batch of this.#batches) {
      batch.ticks += 1;
      if (batch.ticks % patience === 0) overdue.push(batch.question);
    }
    return overdue;
  }

  /** The reads that this answer is for; none when it was answered before. */
  answered(question: number): readonly number[] {
    const at = this.#batches.findIndex((batch) => batch.question === question);
    if (at === -1) return [];
    const [batch] = this.#batches.splice(at, 1);
    this.#count -= batch!.requests.length;
    return batch!.requests;
  }

  /** Everyone who still waits, to be refused. */
  drain(): number[] {
    const requests = [...this.#batches.flatMap((batch) => batch.requests), ...this.#waiting];
    this.#batches = [];
    this.#waiting = [];
    this.#count = 0;
    return requests;
  }
}
