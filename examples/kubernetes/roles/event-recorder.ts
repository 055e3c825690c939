import { createHash } from "node:crypto";
import { type Lease, QuorateError, type Store } from "quorate";
import type { Event, KubeObject } from "../objects.ts";
import { keyOf } from "../resources.ts";
import { type ApiServer, unlessConflict } from "./api-server.ts";
import { retry } from "./retry.ts";

/** Events of a real cluster last for an hour; these must come and go within one run. */
export const EVENT_TTL_MS = 3_000;
/** One lease serves many events, as in Kubernetes: a new one is taken out once the last has lost this much. */
const LEASE_SHARED_MS = 1_000;

/** Writes Events. They hang on a lease that nobody renews, so each disappears by itself after `EVENT_TTL_MS`. */
export class EventRecorder {
  readonly #store: Store<unknown>;
  readonly #api: ApiServer;
  readonly #member: string;
  #lease: Promise<Lease> | null = null;
  #leasedAt = 0;
  #count = 0;

  constructor(store: Store<unknown>, api: ApiServer, member: string) {
    this.#store = store;
    this.#api = api;
    this.#member = member;
  }

  /** Tells what happened to an object. */
  async record(about: KubeObject, reason: string, message: string): Promise<void> {
    this.#count += 1;
    const suffix = createHash("sha1").update(`${keyOf(about)} ${this.#member} ${Date.now()} ${this.#count}`);
    const { name, namespace = "default", uid } = about.metadata;
    const event: Event = {
      apiVersion: "v1",
      kind: "Event",
      metadata: { name: `${name}.${suffix.digest("hex").slice(0, 16)}`, namespace },
      involvedObject: { apiVersion: about.apiVersion, kind: about.kind, namespace, name, uid },
      reason,
      message,
      source: { component: this.#member },
      type: "Normal",
    };
    await this.publish(event);
  }

  /** Stores an Event with a lease; null if it is there already. Should the lease end on the way, as it may while a leader is elected, takes another. */
  async publish(event: KubeObject): Promise<KubeObject | null> {
    for (;;) {
      const lease = await this.#currentLease();
      try {
        return await unlessConflict(this.#api.create(event, lease));
      } catch (error) {
        if (!QuorateError.is(error, "ERR_LEASE_NOT_FOUND")) throw error;
        this.#leasedAt = 0;
      }
    }
  }

  #currentLease(): Promise<Lease> {
    const now = Date.now();
    if (this.#lease === null || now - this.#leasedAt > LEASE_SHARED_MS) {
      this.#leasedAt = now;
      this.#lease = this.#grant();
    }
    return this.#lease;
  }

  async #grant(): Promise<Lease> {
    const lease = await retry(() => this.#store.lease(EVENT_TTL_MS));
    // Nobody keeps it alive: what hangs on it is to expire.
    lease.close();
    return lease;
  }
}
