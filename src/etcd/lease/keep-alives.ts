import type { LeaseId } from "../../kv/mvcc/key-history.ts";
import { refusal } from "../../wire/status.ts";
import type { Front } from "../call/front.ts";
import type { MessageStream } from "../services.ts";

type KeepAliveMessages = MessageStream<
  { readonly id: LeaseId },
  { readonly header: ReturnType<Front["header"]> | null; readonly id: LeaseId; readonly ttl: number }
>;

/** Renewals that wait on one stream. */
const WAITING_MAX = 10_000;
/** Leases in one command. */
const TOGETHER_MAX = 1_000;

/** The renewals of one stream: answered in the order in which they were asked for; those that wait go together. */
export class KeepAlives {
  readonly #stream: KeepAliveMessages;
  #waiting: LeaseId[] = [];
  #isRunning = false;
  #isFinished = false;
  #isClosed = false;

  constructor(stream: KeepAliveMessages) {
    this.#stream = stream;
  }

  add(id: LeaseId): void {
    if (this.#waiting.length >= WAITING_MAX) {
      this.#stream.end(refusal("tooManyRequests"));
      return;
    }
    this.#waiting.push(id);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#run().catch((error: unknown) => this.#stream.end(error));
  }

  /** Nothing more will be asked for: the stream ends behind the last answer. */
  finish(): void {
    this.#isFinished = true;
    if (!this.#isRunning) this.#stream.end();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#renew(this.#waiting.splice(0, TOGETHER_MAX));
    this.#isRunning = false;
    if (this.#isFinished) this.#stream.end();
  }

  /** An unknown lease is answered with a time of 0, not with an error. */
  async #renew(leases: readonly LeaseId[]): Promise<void> {
    const { client } = this.#stream;
    const header = client.front.header();
    const { ttlsMs } = await client.propose({ kind: "lease-keep-alive", leases }, "lease-keep-alive");
    for (const [at, id] of leases.entries()) {
      if (!this.#isClosed) this.#stream.send({ header, id, ttl: Math.ceil(ttlsMs[at]! / 1000) });
    }
  }
}
