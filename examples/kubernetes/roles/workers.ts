/** Work that goes on until it is stopped. What fails before fails the process: nobody would notice its absence. */
export class Workers {
  #running: Promise<void>[] = [];
  #stopping = new AbortController();

  start(work: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#stopping;
    const running = work(signal).catch((error: unknown) => {
      if (error !== signal.reason) throw error;
    });
    this.#running.push(running);
  }

  /** Tells everyone to stop, and waits until the last piece of work under way is finished. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#running);
    this.#running = [];
    this.#stopping = new AbortController();
  }
}
