import type { Timer } from "../base/clock.ts";
import { QuorateError } from "../base/errors.ts";
import type { RoleKind } from "../raft/effects.ts";
import { Housekeeper } from "./housekeeper.ts";
import type { KvHost } from "./kv-host.ts";
import { LEASE_TICK_MS, LeaseKeeper } from "./lease-keeper.ts";
import { Renewals } from "./renewals.ts";

/** Changes that an unfinished compaction looks at in each tick, so that it also ends where nobody writes. */
const COMPACTION_STEP = 10_000;

/** A watch, or a lease that is kept alive. */
interface Part {
  readonly isOver: boolean;
  close(): unknown;
}

/**
 * What goes on beside the calls of a store, shared by all of its namespaces: lease time while this member leads,
 * compactions to finish, and the watches and leases to end when the store is closed.
 */
export class Life {
  readonly #host: KvHost;
  readonly keeper: LeaseKeeper;
  readonly renewals: Renewals;
  readonly #housekeeper: Housekeeper;
  readonly #parts = new Set<Part>();
  readonly #onRole = (role: RoleKind): void => {
    if (role === "leader") this.keeper.lead();
    else this.keeper.follow();
  };
  #ticker: Timer;
  #isClosed = false;

  constructor(host: KvHost) {
    this.#host = host;
    this.keeper = new LeaseKeeper(host.replica, host.machine);
    this.#housekeeper = new Housekeeper(host);
    this.renewals = new Renewals(host.replica);
    host.replica.on("role", this.#onRole);
    this.#ticker = this.#scheduleTick();
  }

  /** Throws ERR_CLOSED once the store is closed. */
  check(): void {
    if (this.#isClosed) throw new QuorateError("ERR_CLOSED", "the store is closed", {});
  }

  /** Takes in a part that may be over already; one that began too late is closed at once. */
  begun<Begun extends Part>(part: Begun): Begun {
    if (this.#isClosed) part.close();
    else if (!part.isOver) this.#parts.add(part);
    return part;
  }

  ended(part: Part): void {
    this.#parts.delete(part);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ticker.cancel();
    this.#host.replica.off("role", this.#onRole);
    this.keeper.stop();
    for (const part of [...this.#parts]) part.close();
    this.renewals.stop();
  }

  #scheduleTick(): Timer {
    return this.#host.clock.after(LEASE_TICK_MS, () => {
      this.#ticker = this.#scheduleTick();
      this.keeper.tick();
      this.#housekeeper.tick();
      this.#host.machine.store.compaction.step(COMPACTION_STEP);
    });
  }
}
