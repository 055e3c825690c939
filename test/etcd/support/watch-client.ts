import { METHODS } from "../../../src/wire/services.ts";
import { type Event, WatchCreateRequest, type WatchResponse } from "../../../src/wire/watch-messages.ts";
import type { RpcClient } from "./rpc-client.ts";

const WAIT_MS = 10_000;

/** One watch stream, as a client keeps it: what comes is taken in order. */
export class WatchClient {
  readonly #stream: ReturnType<typeof openStream>;
  readonly #queue: WatchResponse[] = [];
  #wake: (() => void) | null = null;
  #ended: ((code: number, details: string) => void) | null = null;
  #error: { code: number; details: string } | null = null;

  constructor(client: RpcClient, headers: Readonly<Record<string, string>> = {}) {
    this.#stream = openStream(client, headers);
    this.#stream.on("data", (response: WatchResponse) => {
      this.#queue.push(response);
      this.#wake?.();
    });
    this.#stream.on("error", (error: { code: number; details: string }) => {
      this.#error = error;
      this.#ended?.(error.code, error.details);
    });
  }

  /** Asks for a watcher and gives the answer. */
  async create(request: Partial<WatchCreateRequest>): Promise<WatchResponse> {
    this.request(request);
    return this.next();
  }

  request(request: Partial<WatchCreateRequest>): void {
    this.#stream.write({ createRequest: WatchCreateRequest.of(request) });
  }

  cancel(watchId: number): void {
    this.#stream.write({ cancelRequest: { watchId } });
  }

  askProgress(): void {
    this.#stream.write({ progressRequest: {} });
  }

  /** The next response, whatever it is. */
  async next(timeoutMs = WAIT_MS): Promise<WatchResponse> {
    const response = await this.maybeNext(timeoutMs);
    if (response === null) throw new Error("nothing came on the watch stream");
    return response;
  }

  /** The next response, or null when none comes in time. */
  async maybeNext(timeoutMs: number): Promise<WatchResponse | null> {
    if (this.#queue.length === 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = null;
    }
    return this.#queue.shift() ?? null;
  }

  /** Events of the next responses, until there are `count`. */
  async events(count: number): Promise<Event[]> {
    const events: Event[] = [];
    while (events.length < count) events.push(...(await this.next()).events);
    return events;
  }

  /** Resolves with the status when the server ends the stream. */
  end(): Promise<{ code: number; details: string }> {
    if (this.#error !== null) return Promise.resolve(this.#error);
    return new Promise((resolve) => {
      this.#ended = (code, details) => resolve({ code, details });
    });
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  close(): void {
    this.#stream.cancel();
  }
}

function openStream(client: RpcClient, headers: Readonly<Record<string, string>>) {
  return client.stream(METHODS.watch, headers);
}
