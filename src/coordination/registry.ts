import {
  anyText,
  demand,
  isPlainObject,
  NO_OPTIONS,
  OptionTable,
  required,
  signal,
  text,
} from "../base/options.ts";
import { takes } from "../base/surplus.ts";
import type { KvEntry } from "../kv/keyspace.ts";
import { type CallOptions, callOptions } from "../replica/calls/call.ts";
import { CallLimit } from "./call-limit.ts";
import type { ObserveOptions } from "./election.ts";
import { type LeaseSessionOptions, SESSION } from "./lease-session.ts";
import { LeasedKey } from "./leased-key.ts";
import { followPrefix } from "./prefix-snapshot.ts";
import type { RecipeKv } from "./recipe-kv.ts";
import { retry } from "./retry.ts";
import { checkedName, inLine } from "./wait-queue.ts";

/** What an instance of a service says of itself; `metadata` is anything that JSON can say. */
export interface ServiceDescription {
  readonly name: string;
  readonly address: string;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

const SERVICE = new OptionTable<ServiceDescription>("registry.register", {
  name: required(text),
  address: required(anyText),
  metadata: demand("a plain object", isPlainObject),
});

const REGISTER_OPTIONS = new OptionTable<LeaseSessionOptions>("registry.register", SESSION);
const SERVICES_OPTIONS = callOptions("registry.services");
const WATCH_OPTIONS = new OptionTable<ObserveOptions>("registry.watch", { signal });

/** An instance of a service that is there. */
export interface Service extends ServiceDescription {
  /** The key that it is registered under, which tells two instances apart. */
  readonly key: string;
  /** The revision at which it came, greater than that of every instance before. */
  readonly fence: number;
}

const DEFAULT_ROOT = "services";

/**
 * Who offers which service, and where. Instances register under a lease and are gone from the list when nothing was
 * heard of them for its time. Keys are `root/<name>/<lease>`, values JSON. Whatever else lies there is ignored.
 */
export class Registry {
  readonly #kv: RecipeKv<string>;
  readonly #root: string;

  /** @internal Use `Coordination.registry`. */
  constructor(kv: RecipeKv<unknown>, root: string = DEFAULT_ROOT) {
    this.#kv = kv.namespace("", { values: "utf8" });
    this.#root = checkedName(root);
  }

  /**
   * Resolves once the instance is in the list. It stays there until it is released: should its lease be lost, because
   * nobody could be reached for a while, it registers again.
   */
  async register(
    service: ServiceDescription,
    options: LeaseSessionOptions = NO_OPTIONS,
  ): Promise<Registration> {
    SERVICE.check(service);
    REGISTER_OPTIONS.check(options);
    const { ttlMs: ttl, ...call } = options;
    const prefix = this.#prefix(service.name);
    const put = async (callOptions: CallOptions): Promise<LeasedKey> => {
      return registered(this.#kv, prefix, service, { ...callOptions, ttlMs: ttl });
    };
    return new Registration(this.#kv, await put(call), put);
  }

  /** The instances of a service, those that came first in front. */
  async services(name: string, options: CallOptions = NO_OPTIONS): Promise<readonly Service[]> {
    SERVICES_OPTIONS.check(options);
    const prefix = this.#prefix(name);
    return servicesOf(name, prefix, await this.#kv.range({ ...options, prefix }).toArray());
  }

  /** The instances of a service, now and after every change. Ends when the store is closed. */
  async *watch(
    name: string,
    options: ObserveOptions = NO_OPTIONS,
  ): AsyncGenerator<readonly Service[], void, undefined> {
    WATCH_OPTIONS.check(options);
    const prefix = this.#prefix(name);
    for await (const { entries } of followPrefix(this.#kv, prefix, options.signal)) {
      yield servicesOf(name, prefix, [...entries.values()]);
    }
  }

  #prefix(name: string): string {
    return `${this.#root}/${checkedName(name)}/`;
  }
}

takes(Registry, { register: 2, services: 2, watch: 2 });

/** An instance that is kept in the list. */
export class Registration implements AsyncDisposable {
  readonly #kv: RecipeKv<string>;
  readonly #ending = new AbortController();
  #stake: LeasedKey;

  /** @internal Use `Registry.register`. */
  constructor(
    kv: RecipeKv<string>,
    stake: LeasedKey,
    register: (options: CallOptions) => Promise<LeasedKey>,
  ) {
    this.#kv = kv;
    this.#stake = stake;
    void this.#keep(register);
  }

  /** Aborts when it is not kept in the list any more: it was released, or could not be registered again for good. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Takes it from the list. Does not fail: should nobody be reachable, it goes with its lease. */
  async release(): Promise<void> {
    this.#ending.abort();
    await this.#stake.withdraw();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }

  async #keep(register: (options: CallOptions) => Promise<LeasedKey>): Promise<void> {
    const { signal } = this.#ending;
    try {
      for (;;) {
        await aborted(this.#stake.session.signal);
        this.#stake = await retry(this.#kv.clock, signal, () => register({ signal }));
        if (signal.aborted) await this.#stake.withdraw();
      }
    } catch (error) {
      this.#ending.abort(error);
    }
  }
}

takes(Registration, { release: 0 });

async function registered(
  kv: RecipeKv<string>,
  prefix: string,
  { address, metadata }: ServiceDescription,
  options: LeaseSessionOptions,
): Promise<LeasedKey> {
  const limit = new CallLimit(kv.clock, options);
  try {
    const stake = await LeasedKey.under(prefix, kv, options, limit);
    try {
      const json = kv.namespace("", { values: "json" });
      await json.put(stake.key, { address, metadata }, { ...limit.step, lease: stake.session.lease });
      return stake;
    } catch (error) {
      void stake.withdraw();
      throw error;
    }
  } finally {
    limit.end();
  }
}

function servicesOf(name: string, prefix: string, entries: readonly KvEntry<string>[]): Service[] {
  return inLine(prefix, entries).flatMap(({ key, value, createRevision }) => {
    const described = descriptionIn(value);
    return described === null ? [] : [{ name, ...described, key, fence: createRevision }];
  });
}

/** Null for what no `register` has written. */
function descriptionIn(text: string): Omit<ServiceDescription, "name"> | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || !("address" in value)) return null;
  const { address, metadata } = value as Partial<ServiceDescription>;
  if (typeof address !== "string") return null;
  return { address, ...(typeof metadata === "object" && metadata !== null ? { metadata } : {}) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
