const REFRESH_MS = 100;
const ERASE_LINE = "\r\x1b[2K";

/** Shows a person what is going on: one line per phase, which is alive while the phase lasts if this is a terminal. */
export class Progress {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = Date.now();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (Date.now() - this.#startedAt) / 1000;
  }

  /** Runs a phase. `live` tells how things stand while it lasts, `done` what has come of it. */
  async phase<T>(
    name: string,
    live: () => string,
    work: () => Promise<T>,
    done: (result: T) => string,
  ): Promise<T> {
    const timer = this.#stream.isTTY ? setInterval(() => this.#draw(name, live()), REFRESH_MS) : undefined;
    try {
      const result = await work();
      this.line(name, done(result));
      return result;
    } catch (error) {
      this.line(name, "not finished");
      throw error;
    } finally {
      clearInterval(timer);
    }
  }

  /** Writes a line that stays. */
  line(name: string, text: string): void {
    this.#stream.write(`${this.#stream.isTTY ? ERASE_LINE : ""}${this.#compose(name, text)}\n`);
  }

  /** Writes over the last line, which must not be wider than the terminal. */
  #draw(name: string, text: string): void {
    const width = this.#stream.columns - 1;
    this.#stream.write(ERASE_LINE + this.#compose(name, `${text} …`).slice(0, width));
  }

  #compose(name: string, text: string): string {
    return `${this.seconds.toFixed(1).padStart(5)} s  ${name.padEnd(10)}  ${text}`;
  }
}
