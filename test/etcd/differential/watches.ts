import { METHODS } from "../../../src/wire/services.ts";
import type { Event, WatchRequest, WatchResponse } from "../../../src/wire/watch-messages.ts";
import type { RpcClient } from "../support/rpc-client.ts";

/** What one server tells on one watch stream, kept by watcher. */
export class WatchRecord {
  readonly #stream: ReturnType<RpcClient["stream"]>;
  /** What each id was told, in order: creation, events one by one, end. */
  readonly told = new Map<number, string[]>();
  #heard: (response: WatchResponse) => void = () => {};

  constructor(client: RpcClient) {
    this.#stream = client.stream(METHODS.watch) as unknown as ReturnType<RpcClient["stream"]>;
    this.#stream.on("data", (response: WatchResponse) => this.#record(response));
    this.#stream.on("error", () => {});
  }

  /** Creates a watcher; resolves with what is told of its creation. */
  async create(request: WatchRequest): Promise<WatchResponse> {
    this.#stream.write(request);
    return this.#next((response) => response.created);
  }

  /** Resolves once the watcher is known to have ended, if there was one. */
  async cancel(watchId: number, isKnown: boolean): Promise<void> {
    this.#stream.write({ cancelRequest: { watchId } });
    if (isKnown) await this.#next((response) => response.canceled && response.watchId === watchId);
  }

  /** Resolves once every watcher has been told everything up to `revision`; soon where all of them have ended. */
  async settle(revision: number): Promise<void> {
    for (let attempt = 0; attempt < 40; attempt++) {
      const told = this.#next((response) => response.watchId === -1 && !response.created, 25);
      this.#stream.write({ progressRequest: {} });
      const response = await told.catch(() => null);
      if ((response?.header?.revision ?? 0) >= revision) return;
    }
  }

  /** Everything that was told, in a form that can be compared. */
  get text(): string {
    return [...this.told.keys()]
      .sort((one, other) => one - other)
      .map((id) => `${id}: ${this.textOf(id)}`)
      .join("\n");
  }

  textOf(id: number): string {
    return (this.told.get(id) ?? []).join("\n");
  }

  close(): void {
    this.#stream.cancel();
  }

  #record(response: WatchResponse): void {
    const { watchId, created, canceled, compactRevision, cancelReason, events } = response;
    if (watchId !== -1 || created) {
      const told = this.told.get(watchId) ?? [];
      this.told.set(watchId, told);
      if (created) told.push(`created at ${response.header?.revision} canceled=${canceled} ${cancelReason}`);
      for (const event of events) told.push(textOf(event));
      if (canceled && !created) told.push(`canceled, compacted=${compactRevision} ${cancelReason}`);
    }
    this.#heard(response);
  }

  #next(isIt: (response: WatchResponse) => boolean, timeoutMs = 10_000): Promise<WatchResponse> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no answer on the watch stream")), timeoutMs);
      this.#heard = (response) => {
        if (!isIt(response)) return;
        clearTimeout(timer);
        this.#heard = () => {};
        resolve(response);
      };
    });
  }
}

function textOf(event: Event): string {
  return JSON.stringify(event);
}
