import type TypedEmitter from "typed-emitter";
import type { EventMap } from "typed-emitter";
import { invalidArgument } from "./errors.ts";
import { nearest } from "./nearest.ts";
import { throwUncaught } from "./uncaught.ts";

export type { EventMap, TypedEmitter };

type Listener = (...args: never[]) => void;

interface Registration {
  readonly listener: Listener;
  readonly once: boolean;
}

/** Told of every event, with its arguments. */
export type Observer<Events extends EventMap> = (event: keyof Events, args: readonly unknown[]) => void;

/**
 * An event emitter with Node's methods and typed events, which also runs where there is no `node:events`. It differs
 * from Node's in two ways, since listeners are code of the application's own and run in the middle of ours:
 *
 * - What a listener throws surfaces as an uncaught exception, as with Node's, but is not thrown by `emit`: whoever
 *   emits goes on, and all other listeners are called.
 * - An `error` that nobody listens to is not thrown: a library must not end its host. Whoever emits one warns.
 */
export class Emitter<Events extends EventMap> implements TypedEmitter<Events> {
  readonly #known: readonly string[] | undefined;

  /** With the names of its events, an emitter refuses listeners for others: they would never be called. */
  constructor(known?: Readonly<Record<keyof Events, true>>) {
    this.#known = known && Object.keys(known);
  }

  readonly #registrations = new Map<keyof Events, readonly Registration[]>();
  #observers: readonly Observer<Events>[] = [];

  /**
   * Calls the listener for each event from now on, after those that were added before.
   * @throws ERR_INVALID_ARGUMENT if it is not a function, or no event has this name.
   */
  on<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, false, false);
  }

  /**
   * Calls the listener for the next event only.
   * @throws ERR_INVALID_ARGUMENT if it is not a function, or no event has this name.
   */
  once<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, true, false);
  }

  /** The same as `on`. */
  addListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.on(event, listener);
  }

  /** Does what `on` does, but the listener is called before those that were added before. */
  prependListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, false, true);
  }

  /** Does what `once` does, but the listener is called before those that were added before. */
  prependOnceListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.#add(event, listener, true, true);
  }

  /**
   * Removes the listener; does nothing if it is not registered. Of a listener that was added twice, the newer
   * registration is removed.
   */
  off<E extends keyof Events>(event: E, listener: Events[E]): this {
    const registered = this.#registrations.get(event)?.findLast((each) => each.listener === listener);
    if (registered !== undefined) this.#remove(event, registered);
    return this;
  }

  /** The same as `off`. */
  removeListener<E extends keyof Events>(event: E, listener: Events[E]): this {
    return this.off(event, listener);
  }

  /** Removes all listeners of one event, or of all events. */
  removeAllListeners<E extends keyof Events>(event?: E): this {
    if (event === undefined) this.#registrations.clear();
    else this.#registrations.delete(event);
    return this;
  }

  /** Calls the listeners in order, and tells whether there were any. The list is the one at the time of the call. */
  emit<E extends keyof Events>(event: E, ...args: Parameters<Events[E]>): boolean {
    for (const observer of this.#observers) observer(event, args);
    const registrations = this.#registrations.get(event);
    if (registrations === undefined || registrations.length === 0) return false;
    for (const registration of registrations) {
      if (registration.once) this.#remove(event, registration);
      try {
        registration.listener(...(args as unknown as never[]));
      } catch (error) {
        throwUncaught(error);
      }
    }
    return true;
  }

  /** Tells the observer, which is code of ours, of every event, before the listeners. It counts as no listener. */
  observe(observer: Observer<Events>): void {
    this.#observers = [...this.#observers, observer];
  }

  /** Returns the events that have listeners. */
  eventNames(): (keyof Events | string | symbol)[] {
    return [...this.#registrations.keys()].filter((event) => this.listenerCount(event) > 0);
  }

  /** Returns a copy of the list of listeners, in the order in which they are called. */
  listeners<E extends keyof Events>(event: E): Events[E][] {
    return (this.#registrations.get(event) ?? []).map(({ listener }) => listener as Events[E]);
  }

  /** The same as `listeners`: listeners added with `once` are not wrapped. */
  rawListeners<E extends keyof Events>(event: E): Events[E][] {
    return this.listeners(event);
  }

  /** Returns how many listeners an event has; 0 for an unknown event. */
  listenerCount<E extends keyof Events>(event: E): number {
    return this.#registrations.get(event)?.length ?? 0;
  }

  /** There is no limit; the method is here for those who expect Node's emitter. */
  getMaxListeners(): number {
    return Number.POSITIVE_INFINITY;
  }

  /** Does nothing, because there is no limit; it is here for code that expects Node's emitter. */
  setMaxListeners(): this {
    return this;
  }

  /** For subclasses that begin to work when somebody listens: called after each new listener. */
  protected listened(_event: keyof Events): void {}

  #check(event: keyof Events, listener: unknown): void {
    if (typeof listener !== "function")
      throw invalidArgument("listener", listener, `the listener of ${String(event)} must be a function`);
    if (this.#known === undefined || this.#known.includes(String(event))) return;
    const near = nearest(String(event), this.#known);
    const help = near === undefined ? `its events are: ${this.#known.join(", ")}` : `did you mean ${near}?`;
    throw invalidArgument("event", event, `there is no event named ${String(event)}; ${help}`);
  }

  #remove(event: keyof Events, registration: Registration): void {
    const registrations = this.#registrations.get(event) ?? [];
    this.#registrations.set(
      event,
      registrations.filter((each) => each !== registration),
    );
  }

  #add(event: keyof Events, listener: Listener, once: boolean, first: boolean): this {
    this.#check(event, listener);
    const registrations = this.#registrations.get(event) ?? [];
    const added = { listener, once };
    this.#registrations.set(event, first ? [added, ...registrations] : [...registrations, added]);
    this.listened(event);
    return this;
  }
}
