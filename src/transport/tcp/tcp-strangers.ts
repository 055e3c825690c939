import { addressBlock } from "../address.ts";
import type { TcpLimits } from "./tcp-limits.ts";

/**
 * The connections whose other end has not proved to be a member. There are never more than the limits say: the oldest
 * makes room for a newer one, since a member needs milliseconds for its proof and only an attacker needs long.
 *
 * 1. One address holds at most `halfOpenPerAddressMax`; beyond it, it displaces its own oldest connection.
 * 2. All addresses where no member is known to be hold at most `halfOpenMax` together; beyond it the address that
 *    holds most of them gives up its oldest. So strangers elsewhere never displace what comes from a member's address.
 */
export class Strangers<Guest extends object> {
  readonly #limits: Pick<TcpLimits, "halfOpenMax" | "halfOpenPerAddressMax">;
  readonly #isMembers: (address: string) => boolean;
  /** By address, each oldest first. */
  readonly #byAddress = new Map<string, Set<Guest>>();
  readonly #places = new Map<Guest, { readonly address: string; readonly isMembers: boolean }>();
  /** How many come from where no member is known to be. */
  #unknown = 0;

  /** `isMembers` answers whether a member is known to be at an address. */
  constructor(limits: TcpLimits, isMembers: (address: string) => boolean) {
    this.#limits = limits;
    this.#isMembers = isMembers;
  }

  get size(): number {
    return this.#places.size;
  }

  all(): Iterable<Guest> {
    return [...this.#places.keys()];
  }

  /** Adds one that comes from an address, and returns the one that has to go for it, or null. */
  add(guest: Guest, remoteAddress: string): Guest | null {
    const address = addressBlock(remoteAddress);
    const isMembers = this.#isMembers(address);
    const there = this.#byAddress.get(address) ?? new Set();
    there.add(guest);
    this.#byAddress.set(address, there);
    this.#places.set(guest, { address, isMembers });
    if (!isMembers) this.#unknown += 1;

    if (there.size > this.#limits.halfOpenPerAddressMax) return oldest(there);
    return !isMembers && this.#unknown > this.#limits.halfOpenMax ? this.#oldestOfMost() : null;
  }

  /** Forgets one: it has proved to be a member, or is gone. May be called again. */
  remove(guest: Guest): void {
    const place = this.#places.get(guest);
    if (place === undefined) return;
    this.#places.delete(guest);
    if (!place.isMembers) this.#unknown -= 1;
    const there = this.#byAddress.get(place.address)!;
    there.delete(guest);
    if (there.size === 0) this.#byAddress.delete(place.address);
  }

  #oldestOfMost(): Guest | null {
    let most: Set<Guest> | null = null;
    for (const [address, there] of this.#byAddress) {
      if (there.size > (most?.size ?? 0) && !this.#isMembers(address)) most = there;
    }
    return most === null ? null : oldest(most);
  }
}

function oldest<Guest>(guests: ReadonlySet<Guest>): Guest {
  return guests.values().next().value as Guest;
}
