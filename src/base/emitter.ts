import type TypedEmitter from "typed-emitter";
import type { EventMap } from "typed-emitter";

export type { EventMap, TypedEmitter };

type Listener = (...args: never[]) => void;

interface Registration {
  readonly listener: Listener;
  readonly once: boolean;
}

/**
 * An event emitter with Node's methods and typed events, which also runs where there is no `node:events`. Unlike
 * Node's it never throws for an `error` that nobody listens to: a library must not end its host.
 */
export class Emitter<Events extends EventMap> implements TypedEmitter<Events> {
  readonly #registrations = new Map<keyof Events, Registration[]>();

  on<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, false, false);
  }

  once<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, true, false);
  }

  addListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.on(event, listener);
  }

  prependListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, false, true);
  }

  prependOnceListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, true, true);
  }

  off<E extends keyof Events>(event: E, listener: Events[E]): this {
    const registrations = this.#registrations.get(event) ?? [];
    const at = registrations.findLastIndex((registration) => registration.listener === listener);
    if (at >= 0) this.#registrations.set(event, registrations.toSpliced(at, 1));
    return this;
  }

  removeListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.off(event, listener);
  }

  removeAllListeners<E extends keyof Events>(event?: E): this {
    if (event === undefined) this.#registrations.clear();
    else this.#registrations.delete(event);
    return this;
  }

  /** Calls the listeners in order, and tells whether there were any. The list is the one at the time of the call. */
  emit<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): boolean {
    const registrations = this.#registrations.get(event);
    if (registrations === undefined || registrations.length === 0) return false;
    for (const { listener, once } of registrations) {
      if (once) this.off(event, listener as Events[E]);
      listener(...(args as unknown as never[]));
    }
    return true;
  }

  eventNames(): (keyof Events | string | symbol)[] {
    return [...this.#registrations.keys()].filter((event) => this.listenerCount(event) > 0);
  }

  listeners<E extends keyof Events>(event: E): Events[E][] {
    return (this.#registrations.get(event) ?? []).map(({ listener }) => listener as Events[E]);
  }

  rawListeners<E extends keyof Events>(event: E): Events[E][] {
    return this.listeners(event);
  }

  listenerCount<E extends keyof Events>(event: E): number {
    return this.#registrations.get(event)?.length ?? 0;
  }

  /** There is no limit; the method is here for those who expect Node's emitter. */
  getMaxListeners(): number {
    return Number.POSITIVE_INFINITY;
  }

  setMaxListeners(): this {
    return this;
  }

  /** For subclasses that begin to work when somebody listens: called after each new listener. */
  protected listened(_event: keyof Events): void {}

  #add(event: keyof Events, listener: Listener, once: boolean, first: boolean): this {
    const registrations = this.#registrations.get(event) ?? [];
    const added = { listener, once };
    this.#registrations.set(event, first ? [added, ...registrations] : [...registrations, added]);
    this.listened(event);
    return this;
  }
}
